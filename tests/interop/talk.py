"""Data channels between two peers, and what leaving does to the other."""

import asyncio

import voip
from run import check, same, until

TEXTS = ["hello", "", "grüße, 你好 \U0001f44b", "x" * 20000]
BYTES = [bytes(range(256)), b"\x00", bytes(i * 7 % 251 for i in range(60000))]


async def talk(first, second):
    """Every message arrives once, as it was, in order, and nowhere else."""
    for peer in (first, second):
        await until("chat is open", lambda p=peer: p.is_open("chat"))
    said = 0
    for sender, receiver in ((first, second), (second, first)):
        sender.messages.clear()
        receiver.messages.clear()
        wanted = [("chat", m) for m in TEXTS + BYTES]
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
