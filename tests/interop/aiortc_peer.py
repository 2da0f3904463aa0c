"""A peer made of aiortc (PyPI)."""

import asyncio
import fractions

import aioice.ice
import av
import numpy
from aiortc import (RTCConfiguration, RTCPeerConnection,
                    RTCSessionDescription)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.sdp import candidate_from_sdp

import voip
from run import check
from media import RATE, Track, candidates_of, without_candidates

# It leaves loopback out, which is all there is on some machines.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

FPS, FRAME = 15, 960


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, hz):
        super().__init__()
        self.hz, self.at, self.begin = hz, 0, None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self.begin = self.begin or loop.time()
        await asyncio.sleep(self.begin + self.at / RATE - loop.time())
        t = (numpy.arange(FRAME) + self.at) / RATE
        wave = 8000 * numpy.sin(2 * numpy.pi * self.hz * t)
        frame = av.AudioFrame.from_ndarray(
            wave.astype(numpy.int16).reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = RATE, self.at
        frame.time_base = fractions.Fraction(1, RATE)
        self.at += FRAME
        return frame


class Picture(MediaStreamTrack):
    """Of one brightness, with a small bar that moves."""
    kind = "video"

    def __init__(self, size, luma):
        super().__init__()
        self.size, self.luma, self.n, self.begin = size, luma, 0, None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self.begin = self.begin or loop.time()
        await asyncio.sleep(self.begin + self.n / FPS - loop.time())
        width, height = self.size
        planes = numpy.full((height * 3 // 2, width), 128, numpy.uint8)
        planes[:height] = self.luma
        x = self.n * 4 % (width - 8)
        planes[:height, x:x + 8] = 255 - self.luma
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts = self.n * 90000 // FPS
        frame.time_base = fractions.Fraction(1, 90000)
        self.n += 1
        return frame


class AiortcPeer:
    """publishes: a media.Person. trickle: candidates not in the offer but
    after it, as Nheko sends them."""

    def __init__(self, publishes, trickle=False, channels=("chat",)):
        self.person, self.trickle = publishes, trickle
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks, self.tasks = [], []
        self.channels, self.messages, self.candidates = {}, [], []
        self.opened_by_remote = []
        self.streams = set()
        self.sources = [Tone(publishes.tone),
                        Picture(publishes.size, publishes.luma)]
        for source in self.sources:
            self.pc.addTrack(source)
        self.pc.on("track", self._track)
        self.pc.on("datachannel", self._theirs)
        for label in channels:
            self.open(label)

    def open(self, label):
        self._channel(self.pc.createDataChannel(label))

    def _theirs(self, channel):
        self.opened_by_remote.append(channel.label)
        self._channel(channel)

    def _channel(self, channel):
        self.channels[channel.label] = channel
        channel.on("message", lambda data: self.messages.append(
            (channel.label, data)))

    def is_open(self, label):
        channel = self.channels.get(label)
        return channel is not None and channel.readyState == "open"

    def send(self, label, data):
        self.channels[label].send(data)

    def connected(self):
        state = self.pc.connectionState
        check(state == "connected", f"{state}, ICE "
              f"{self.pc.iceConnectionState}")
        return True

    def _track(self, remote):
        mid = next(t.mid for t in self.pc.getTransceivers()
                   if t.receiver.track is remote)
        track = Track(remote.kind, mid)
        self.tracks.append(track)
        self.tasks.append(asyncio.ensure_future(self._take(remote, track)))

    @staticmethod
    async def _take(remote, track):
        while True:
            try:
                frame = await remote.recv()
            except MediaStreamError:
                return
            if track.kind == "audio":
                samples = frame.to_ndarray().reshape(-1)
                track.feed_audio(samples[::len(frame.layout.channels)])
            else:
                grey = frame.to_ndarray(format="gray")
                track.feed_video((frame.width, frame.height),
                                 float(numpy.median(grey)))

    async def offer(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        sdp = self.pc.localDescription.sdp
        self.streams = voip.sent_streams(sdp)
        if not self.trickle:
            return sdp
        self.candidates = candidates_of(sdp)
        return without_candidates(sdp)

    async def gathered(self):
        """aiortc's local descriptions have all candidates."""

    async def set_answer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(
            sdp, "answer"))

    async def answer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(
            sdp, "offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        return self.pc.localDescription.sdp

    async def add_candidate(self, candidate):
        text = candidate["candidate"]
        if not text:
            return
        parsed = candidate_from_sdp(text.removeprefix("candidate:"))
        parsed.sdpMid = candidate.get("sdpMid") or None
        parsed.sdpMLineIndex = candidate.get("sdpMLineIndex")
        await self.pc.addIceCandidate(parsed)

    async def close(self):
        for source in self.sources:
            source.stop()
        await self.pc.close()
        for task in self.tasks:
            task.cancel()
