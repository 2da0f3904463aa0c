"""What the tests of all peers do: join, receive, talk, leave."""

import asyncio

import run
import voip
from matrix import Client
from media import gets
from run import check, same, until

TEXTS = ["hello", "", "grüße, 你好 \U0001f44b", "x" * 20000]
BYTES = [bytes(range(256)), b"\x00", bytes(i * 7 % 251 for i in range(60000))]


async def join(scene, room, peer, metadata=True):
    """Places the call of that peer; until its transport is up."""
    person = peer.person
    client = Client(scene.url, scene.users[person.name])
    await client.start()
    scene.run.cleanup(client.stop)
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

    tests = [(other.name, gets(call.peer, other)) for other in others]

    def test():
        found = []
        for name, one in tests:
            try:
                return f"{name}: {one()}"
            except run.Wrong as error:
                found.append(str(error))
        raise run.Wrong(found[0])
    return await until("one of the others comes in", test)


async def quiet(call):
    """No offer ever reached it."""
    same([e for e in call.events if e == "m.call.negotiate"], [],
         "negotiations")
    same(call.problems, [], "problems")
    same(call.ended, None, "the call's end")


async def talk(first, second, texts=tuple(TEXTS)):
    """Every message arrives once, as it was, in order, and nowhere else."""
    for peer in (first, second):
        await until("chat is open", lambda p=peer: p.is_open("chat"))
    said = 0
    for sender, receiver in ((first, second), (second, first)):
        sender.messages.clear()
        receiver.messages.clear()
        wanted = [("chat", m) for m in [*texts, *BYTES]]
        for label, message in wanted:
            sender.send(label, message)
        await until("the messages arrive",
                    lambda r=receiver: len(r.messages) >= len(wanted))
        await asyncio.sleep(0.3)
        check(receiver.messages == wanted,
              f"sent {shown(wanted)}, arrived {shown(receiver.messages)}")
        same(sender.messages, [], "messages back at the sender")
        said += len(wanted)
    return f"{said} messages"


def shown(messages):
    return [(label, type(m).__name__, len(m)) for label, m in messages]


async def later(first, second, label="later"):
    """A channel opened in mid-call opens at the other as well."""
    first.open(label)
    await until(f"{label} is open", lambda: first.is_open(label))
    first.send(label, "over here")
    await until("its message arrives",
                lambda: (label, "over here") in second.messages)
    check(label in second.opened_by_remote, "nobody opened it")


async def leaves(call, other, person):
    """call hangs up; the other is told by SDP and gets no more of it."""
    before = voip.sent_streams(other.remote_sdp)
    mids = [t.mid for t in other.peer.tracks if t.matches(person)]
    same(len(mids), 2, f"tracks of {person.name}")
    await call.hangup()

    def gone():
        ended = [s for s in voip.sections(other.remote_sdp)
                 if s["mid"] in mids
                 and s["direction"] in ("recvonly", "inactive")]
        return len(ended) == 2
    await until("an offer ends both tracks", gone, 10)
    lost = before - voip.sent_streams(other.remote_sdp)
    same(len(lost), 1, "streams gone")
    frames = [t.frames for t in other.peer.tracks if t.mid in mids]
    await asyncio.sleep(1.5)
    after = [t.frames for t in other.peer.tracks if t.mid in mids]
    check(sum(after) - sum(frames) < 10,
          f"frames go on: {frames} and then {after}")
    same(other.problems, [], "problems")
    same(other.ended, None, "the other's end")
