"""aiortc calls through hearth: media both ways, data channels, someone who
takes one stream only, and someone who leaves."""

import asyncio

import run
from aiortc_peer import AiortcPeer
from media import Person
from scene import Scene
from talk import join, later, leaves, quiet, receives, single, talk

ALICE = Person("alice", 440, (320, 240), 60)
BOB = Person("bob", 660, (352, 288), 120)
CAROL = Person("carol", 880, (240, 180), 180)


async def body(t):
    scene = Scene(t, ["alice", "bob", "carol"])
    await t.must("a homeserver starts", scene.homeserver(), 120)
    await t.must("hearth starts", scene.hearth())
    room = await t.must("the bot joins the room", scene.room())
    alice = await t.must("alice calls", join(scene, room, AiortcPeer(ALICE)))
    bob = await t.must("bob calls", join(scene, room, AiortcPeer(BOB)))
    await t.step("alice hears and sees bob", receives(alice, BOB))
    await t.step("bob hears and sees alice", receives(bob, ALICE))
    await t.step("text and bytes both ways", talk(alice.peer, bob.peer))
    await t.step("a channel opened in mid-call",
                 later(alice.peer, bob.peer))

    carol = await t.must("carol calls without stream metadata, candidates "
                         "after the offer", join(
                             scene, room, AiortcPeer(CAROL, trickle=True),
                             metadata=False))
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
