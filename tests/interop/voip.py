"""One call in a room's timeline: the Matrix specification's VoIP module, as a
client that places a call speaks it."""

import asyncio
import re
import uuid

from run import Wrong, check

UNSTABLE = "org.matrix.msc3077.sdp_stream_metadata"
STABLE = "sdp_stream_metadata"
LIFETIME_MS = 60000


def sections(sdp):
    """m-lines as [{mid, kind, port, direction, stream, candidates}]."""
    found = []
    for part in re.split(r"(?m)^m=", sdp)[1:]:
        lines = part.replace("\r", "").split("\n")
        kind, port = lines[0].split()[:2]
        section = {"kind": kind, "port": int(port), "mid": None,
                   "direction": "sendrecv", "stream": None}
        for line in lines[1:]:
            name, _, value = line.removeprefix("a=").partition(":")
            if name == "mid":
                section["mid"] = value
            elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
                section["direction"] = name
            elif " msid:" in value and name == "ssrc":
                # As webrtcbin says it.
                value = value.partition(" msid:")[2]
                section["stream"] = section["stream"] or value.split()[0]
            elif name == "msid":
                section["stream"] = value.split()[0]
        found.append(section)
    return found


def sent_streams(sdp):
    """The stream ids that who wrote the text sends."""
    return {s["stream"] for s in sections(sdp) if s["stream"] and s["port"]
            and s["direction"] in ("sendrecv", "sendonly")}


class Call:
    """peer: offer() -> sdp, set_answer(sdp), answer(sdp) -> sdp,
    add_candidate(candidate), streams -> ids it publishes; it puts candidates
    not in its texts into `peer.candidates` (a list) until peer.gathered()."""

    def __init__(self, client, room_id, bot, peer, metadata=True):
        self.client, self.room_id, self.bot = client, room_id, bot
        self.peer, self.with_metadata = peer, metadata
        self.call_id, self.party_id = uuid.uuid4().hex, uuid.uuid4().hex[:10]
        self.bot_party = None
        self.metadata = {}     # of the bot, merged
        self.events = []       # types of what the bot sent
        self.problems = []
        self.ended = None      # reason, once it is over
        self.remote_sdp = ""
        self.answered = asyncio.Event()
        self.queue = asyncio.Queue()
        self.task = None

    def common(self):
        return {"call_id": self.call_id, "party_id": self.party_id,
                "version": "1"}

    def own_metadata(self):
        if not self.with_metadata:
            return {}
        streams = {s: {"purpose": "m.usermedia", "audio_muted": False,
                       "video_muted": False} for s in self.peer.streams}
        return {STABLE: streams, UNSTABLE: streams}

    async def send(self, kind, **content):
        await self.client.send(self.room_id, kind,
                               {**self.common(), **content})

    async def place(self):
        """Until the answer was applied."""
        self.client.on_event.append(self._event)
        self.task = asyncio.ensure_future(self._work())
        sdp = await self.peer.offer()
        await self.send("m.call.invite", lifetime=LIFETIME_MS,
                        invitee=self.bot,
                        offer={"type": "offer", "sdp": sdp},
                        **self.own_metadata())
        await self.peer.gathered()
        await self.send("m.call.candidates", candidates=[
            *self.peer.candidates, {"candidate": ""}])
        await self.answered.wait()
        check(self.ended is None, f"the call ended: {self.ended}")

    async def hangup(self):
        if self.ended is None:
            self.ended = "by us"
            await self.send("m.call.hangup", reason="user_hangup")
        if self.task:
            self.task.cancel()
        if self._event in self.client.on_event:
            self.client.on_event.remove(self._event)
        await self.peer.close()

    def _event(self, room_id, event):
        content = event.get("content", {})
        if (room_id == self.room_id and event["sender"] == self.bot
                and content.get("call_id") == self.call_id):
            self.queue.put_nowait((event["type"], content))

    async def _work(self):
        while True:
            kind, content = await self.queue.get()
            self.events.append(kind)
            try:
                await self._handle(kind, content)
            except Exception as error:
                self.problems.append(f"{kind}: {error!r}")

    async def _handle(self, kind, content):
        if content.get("version") != "1" or not content.get("party_id"):
            raise Wrong(f"version or party_id missing: {content}")
        if kind in ("m.call.answer", "m.call.negotiate"):
            self._learn_metadata(content)
        if kind == "m.call.answer" and not self.answered.is_set():
            await self._answer(content)
        elif kind == "m.call.negotiate":
            await self._negotiate(content)
        elif kind == "m.call.candidates":
            for candidate in content["candidates"]:
                await self.peer.add_candidate(candidate)
        elif kind in ("m.call.hangup", "m.call.reject"):
            self.ended = content.get("reason", kind)
            self.answered.set()
        elif kind.endswith("sdp_stream_metadata_changed"):
            self._learn_metadata(content)

    def _learn_metadata(self, content):
        stable, unstable = content.get(STABLE), content.get(UNSTABLE)
        if stable != unstable:
            raise Wrong(f"two maps that differ: {stable} {unstable}")
        self.metadata.update(stable or {})

    def _check_streams(self, sdp):
        """js-sdk loses a feed whose stream the metadata does not have."""
        missing = sent_streams(sdp) - self.metadata.keys()
        if missing and self.with_metadata:
            self.problems.append(f"streams not in the metadata: {missing}")

    async def _answer(self, content):
        self.bot_party = content["party_id"]
        self.remote_sdp = content["answer"]["sdp"]
        self._check_streams(self.remote_sdp)
        await self.send("m.call.select_answer",
                        selected_party_id=self.bot_party)
        await self.peer.set_answer(self.remote_sdp)
        self.answered.set()

    async def _negotiate(self, content):
        if not self.with_metadata:
            # As Nheko does.
            self.problems.append("negotiate to a client without metadata")
            await self.hangup()
            return
        check(content["party_id"] == self.bot_party, "another party")
        check(content.get("lifetime"), "negotiate has no lifetime")
        description = content["description"]
        check(description["type"] == "offer", "an answer nobody asked for")
        self._check_streams(description["sdp"])
        self.remote_sdp = description["sdp"]
        answer = await self.peer.answer(self.remote_sdp)
        await self.send("m.call.negotiate", lifetime=LIFETIME_MS,
                        description={"type": "answer", "sdp": answer},
                        **self.own_metadata())
