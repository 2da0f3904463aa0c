"""aiortc calls through hearth: media both ways, data channels, someone who
takes one stream only, and someone who leaves."""

import asyncio

import run
import voip
from aiortc_peer import AiortcPeer
from matrix import Client
from media import Person, gets
from run import check, same, until
from scene import Scene
from talk import leaves, talk

ALICE = Person("alice", 440, (320, 240), 60)
BOB = Person("bob", 660, (352, 288), 120)
CAROL = Person("carol", 880, (240, 180), 180)


async def join(scene, room, person, metadata=True, **options):
    """Places that person's call; until its transport is up."""
    client = Client(scene.url, scene.users[person.name])
    await client.start()
    scene.run.cleanup(client.stop)
    peer = AiortcPeer(person, **options)
    call = voip.Call(client, room, scene.users["hearth"]["user_id"], peer,
                     metadata)
    scene.run.cleanup(call.hangup)
    await call.place()
    await until(f"{person.name} is connected", peer.connected)
    return call


async def receives(call, person, **counts):
    try:
        return await until(f"{call.peer.person.name} receives {person.name}",
                           gets(call.peer, person, **counts), 20)
    finally:
        same(call.problems, [], f"problems of {call.peer.person.name}")


async def single(call, others):
    """One stream, from one of the others, in the m-lines there were."""
    sent = voip.sent_streams(call.remote_sdp)
    check(len(sent) <= 1, f"{sent} for a client that takes one stream")
    same(len(voip.sections(call.remote_sdp)), 3, "m-lines")

    def test():
        for other in others:
            try:
                return f"{other.name}: " + gets_now(other)
            except run.Wrong:
                continue
        raise run.Wrong(f"{call.peer.tracks}")
    tests = {other: gets(call.peer, other) for other in others}

    def gets_now(other):
        return tests[other]()
    return await until("one of the others comes in", test)


async def quiet(call):
    """No offer ever reached it."""
    same([e for e in call.events if e == "m.call.negotiate"], [],
         "negotiations")
    same(call.problems, [], "problems")
    same(call.ended, None, "the call's end")


async def body(t):
    scene = Scene(t, ["alice", "bob", "carol"])
    await t.must("a homeserver starts", scene.homeserver(), 120)
    await t.must("hearth starts", scene.hearth())
    room = await t.must("the bot joins the room", scene.room())
    alice = await t.must("alice calls", join(scene, room, ALICE))
    bob = await t.must("bob calls", join(scene, room, BOB))
    await t.step("alice hears and sees bob", receives(alice, BOB))
    await t.step("bob hears and sees alice", receives(bob, ALICE))
    await t.step("text and bytes both ways", talk(alice.peer, bob.peer))

    carol = await t.must("carol calls without stream metadata, candidates "
                         "after the offer", join(scene, room, CAROL,
                                                 metadata=False,
                                                 trickle=True))
    await t.step("carol gets one stream", single(carol, [ALICE, BOB]))
    await t.step("alice hears and sees carol, on new m-lines",
                 receives(alice, CAROL))
    await t.step("bob hears and sees carol", receives(bob, CAROL))
    await t.step("bob hears and sees alice still", receives(bob, ALICE))

    await t.step("alice leaves, at bob her tracks end",
                 leaves(alice, bob, ALICE))
    await t.step("bob hears and sees carol still", receives(bob, CAROL))
    await t.step("carol has bob now", receives(carol, BOB))
    await t.step("carol was never sent an offer", quiet(carol))
    await asyncio.gather(bob.hangup(), carol.hangup())
    await t.step("hearth ends well", scene.stop_hearth())


if __name__ == "__main__":
    run.main("aiortc", body)
