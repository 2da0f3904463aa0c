"""GStreamer's webrtcbin calls through hearth, with aiortc at the other end:
media both ways, data channels, joining late, leaving, and a client of one
stream that speaks as Nheko does."""

import asyncio
import time

import run
from aiortc_peer import AiortcPeer
from gstreamer_peer import GstreamerPeer
from media import Person
from run import same
from scene import Scene
from talk import TEXTS, join, later, leaves, quiet, receives, single, talk

ALICE = Person("alice", 440, (320, 240), 60)
GRETA = Person("greta", 660, (352, 288), 120)
BOB = Person("bob", 880, (240, 180), 180)
NINA = Person("nina", 1100, (208, 160), 90)


# webrtcbin has the numbers of empty text and empty bytes the wrong way round
# (57 and 56, where RFC 8831 section 8 says 56 and 57): empty messages are left
# to the test of aiortc.
SAID = [x for x in TEXTS if x]


# RFC 7675 section 5.1. libnice checks nothing once it is connected.
CONSENT_S = 30


async def outlasts(call, end):
    """It is in the call, and sent to, when `end` has come."""
    await asyncio.sleep(max(0, end - time.monotonic()))
    await receives(call, BOB, audio=20, video=5)
    same(call.ended, None, "the call's end")


async def body(t):
    scene = Scene(t, ["alice", "greta", "bob", "nina"])
    await t.must("a homeserver starts", scene.homeserver(), 120)
    await t.must("hearth starts", scene.hearth())
    room = await t.must("the bot joins the room", scene.room())
    greta = await t.must("greta calls with webrtcbin",
                         join(scene, room, GstreamerPeer(GRETA)))
    begin = time.monotonic()
    alice = await t.must("alice calls with aiortc",
                         join(scene, room, AiortcPeer(ALICE)))
    await t.step("alice hears and sees greta", receives(alice, GRETA))
    await t.step("greta hears and sees alice, after an offer of the bot",
                 receives(greta, ALICE))
    await t.step("text and bytes both ways", talk(
        alice.peer, greta.peer, SAID))
    await t.step("greta gets a channel in mid-call",
                 later(alice.peer, greta.peer))
    await t.step("greta opens a channel in mid-call",
                 later(greta.peer, alice.peer, "last"))

    bob = await t.must("bob calls late, with webrtcbin",
                       join(scene, room, GstreamerPeer(BOB)))
    await t.step("bob hears and sees greta", receives(bob, GRETA))
    await t.step("bob hears and sees alice", receives(bob, ALICE))
    await t.step("greta hears and sees bob", receives(greta, BOB))
    await t.step("alice hears and sees bob", receives(alice, BOB))
    await t.step("greta hears and sees alice still", receives(greta, ALICE))

    await t.step("alice leaves, at greta her tracks end",
                 leaves(alice, greta, ALICE))
    nina = await t.must("nina calls without stream metadata",
                        join(scene, room, GstreamerPeer(NINA),
                             metadata=False))
    await t.step("nina gets one stream", single(nina, [GRETA, BOB]))
    await t.step("greta hears and sees nina", receives(greta, NINA))
    await t.step("greta hears and sees bob still", receives(greta, BOB))
    await t.step("nina was never sent an offer", quiet(nina))
    await t.step("greta is there still, without an ICE check for 30 s",
                 outlasts(greta, begin + CONSENT_S + 3), CONSENT_S)
    await asyncio.gather(greta.hangup(), bob.hangup(), nina.hangup())
    await t.step("hearth ends well", scene.stop_hearth())


if __name__ == "__main__":
    run.main("gstreamer", body)
