"""A peer made of GStreamer's webrtcbin (Debian), under Python's bindings."""

import asyncio
import os

# Gst's type finders look for all plugins of the machine otherwise.
os.environ.setdefault("GST_REGISTRY_FORK", "no")

import gi  # noqa: E402
import numpy  # noqa: E402

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, GObject, Gst, GstSdp, GstWebRTC  # noqa: E402

import voip  # noqa: E402
from media import Track  # noqa: E402
from run import Wrong, check  # noqa: E402

Gst.init(None)

PUBLISH = """
webrtcbin name=rtc bundle-policy=max-bundle
audiotestsrc is-live=true freq={tone} volume=0.3 ! audioconvert !
  audioresample ! opusenc ! rtpopuspay !
  application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! rtc.
videotestsrc is-live=true pattern=ball background-color={colour} !
  video/x-raw,format=I420,width={width},height={height},framerate=15/1 !
  queue ! vp8enc deadline=1 target-bitrate=300000 ! rtpvp8pay !
  application/x-rtp,media=video,encoding-name=VP8,payload=96 ! rtc.
"""
TAKE = {
    "audio": "rtpopusdepay ! opusdec ! audioconvert ! audioresample ! "
             "audio/x-raw,format=S16LE,channels=1,rate=48000 ! "
             "appsink name=sink sync=false emit-signals=true",
    "video": "rtpvp8depay request-keyframe=true ! vp8dec ! videoconvert ! "
             "video/x-raw,format=I420 ! "
             "appsink name=sink sync=false emit-signals=true",
}


def grey(luma):
    """0xAARRGGBB of a grey that has this luma."""
    level = round((luma - 16) * 255 / 219)
    return 0xff000000 | level << 16 | level << 8 | level


_HELD = []


def use_loopback(rtc):
    """libnice leaves it out, but it is all there is on some machines."""
    agent = rtc.get_property("ice-agent")
    # Python takes over the only reference (a floating one, webrtcbin's): one
    # more in a value, for good.
    _HELD.append((agent, GObject.Value(GObject.Object, agent)))
    check(agent.emit("add-local-ip-address", "127.0.0.1"),
          "libnice does not take 127.0.0.1")


class GstreamerPeer:
    """publishes: a media.Person. GStreamer's threads call the `_on_…`."""

    def __init__(self, publishes, channels=("chat",)):
        self.person = publishes
        self.loop = asyncio.get_running_loop()
        self.tracks, self.errors = [], []
        self.channels, self.messages, self.candidates = {}, [], []
        self.opened_by_remote = []
        self.streams = set()
        self.wanted, self.gathering = asyncio.Event(), asyncio.Event()
        self.pipe = Gst.parse_launch(PUBLISH.format(
            tone=publishes.tone, colour=grey(publishes.luma),
            width=publishes.size[0], height=publishes.size[1]))
        self.rtc = self.pipe.get_by_name("rtc")
        use_loopback(self.rtc)
        self.pipe.get_bus().set_sync_handler(self._on_bus)
        for signal, handler in (
                ("on-negotiation-needed", self._on_wanted),
                ("on-ice-candidate", self._on_candidate),
                ("on-data-channel", self._on_theirs),
                ("pad-added", self._on_pad),
                ("notify::ice-gathering-state", self._on_gathering)):
            self.rtc.connect(signal, handler)
        self.pipe.set_state(Gst.State.READY)
        for label in channels:
            self.open(label)
        self.pipe.set_state(Gst.State.PLAYING)

    # --- what GStreamer calls

    def _soon(self, function, *args):
        self.loop.call_soon_threadsafe(function, *args)

    def _on_bus(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            self.errors.append(str(message.parse_error()))
        return Gst.BusSyncReply.DROP

    def _on_wanted(self, _rtc):
        self._soon(self.wanted.set)

    def _on_candidate(self, _rtc, index, text):
        self._soon(self.candidates.append, {
            "candidate": text, "sdpMid": "", "sdpMLineIndex": index})

    def _on_gathering(self, rtc, _property):
        if rtc.get_property("ice-gathering-state") == \
                GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._soon(self.gathering.set)

    def _on_theirs(self, _rtc, channel):
        self.opened_by_remote.append(channel.get_property("label"))
        self._channel(channel)

    def _on_pad(self, _rtc, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        transceiver = pad.get_property("transceiver")
        media = pad.get_current_caps().get_structure(0).get_string("media")
        track = Track(media, transceiver.get_property("mid"))
        taker = Gst.parse_bin_from_description(TAKE[media], True)
        taker.get_by_name("sink").connect("new-sample", self._on_sample,
                                          track)
        self.pipe.add(taker)
        taker.sync_state_with_parent()
        pad.link(taker.get_static_pad("sink"))
        self.tracks.append(track)

    @staticmethod
    def _on_sample(sink, track):
        sample = sink.emit("pull-sample")
        good, view = sample.get_buffer().map(Gst.MapFlags.READ)
        if good and track.kind == "audio":
            track.feed_audio(numpy.frombuffer(view.data, numpy.int16).copy())
        elif good:
            caps = sample.get_caps().get_structure(0)
            size = (caps.get_value("width"), caps.get_value("height"))
            plane = numpy.frombuffer(view.data, numpy.uint8,
                                     size[0] * size[1])
            track.feed_video(size, float(numpy.median(plane)))
        sample.get_buffer().unmap(view)
        return Gst.FlowReturn.OK

    # --- data channels

    def open(self, label):
        self._channel(self.rtc.emit("create-data-channel", label, None))

    def _channel(self, channel):
        label = channel.get_property("label")
        channel.connect("on-message-string", lambda _c, text:
                        self._soon(self.messages.append,
                                   (label, text or "")))
        channel.connect("on-message-data", lambda _c, data:
                        self._soon(self.messages.append,
                                   (label, data.get_data() if data else b"")))
        self.channels[label] = channel

    def is_open(self, label):
        channel = self.channels.get(label)
        return channel is not None and channel.get_property(
            "ready-state") == GstWebRTC.WebRTCDataChannelState.OPEN

    def send(self, label, data):
        if isinstance(data, str):
            self.channels[label].emit("send-string", data)
        else:
            self.channels[label].emit("send-data", GLib.Bytes.new(data))

    # --- offer and answer

    def connected(self):
        state = self.rtc.get_property("connection-state")
        check(not self.errors, str(self.errors))
        if state != GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            raise Wrong(state.value_nick)
        return True

    async def _ask(self, signal, *args):
        """A call of webrtcbin whose promise is awaited; the reply."""
        done = self.loop.create_future()

        def on_change(promise):
            reply = promise.get_reply()
            self._soon(done.set_result, reply)
        self.rtc.emit(signal, *args,
                      Gst.Promise.new_with_change_func(on_change))
        reply = await asyncio.wait_for(done, 10)
        if reply is not None and reply.has_field("error"):
            raise Wrong(f"{signal}: {reply.get_value('error')}")
        return reply

    async def _set(self, side, kind, sdp):
        kind = getattr(GstWebRTC.WebRTCSDPType, kind.upper())
        result, message = GstSdp.SDPMessage.new()
        result = GstSdp.sdp_message_parse_buffer(sdp.encode(), message)
        check(result == GstSdp.SDPResult.OK, f"unreadable: {sdp}")
        await self._ask(f"set-{side}-description",
                        GstWebRTC.WebRTCSessionDescription.new(kind, message))

    async def _create(self, what):
        reply = await self._ask(f"create-{what}", None)
        sdp = reply.get_value(what).sdp.as_text()
        await self._set("local", what, sdp)
        self.streams = voip.sent_streams(sdp)
        return sdp

    async def offer(self):
        await asyncio.wait_for(self.wanted.wait(), 10)
        return await self._create("offer")

    async def gathered(self):
        await asyncio.wait_for(self.gathering.wait(), 10)

    async def set_answer(self, sdp):
        await self._set("remote", "answer", sdp)

    async def answer(self, sdp):
        await self._set("remote", "offer", sdp)
        return await self._create("answer")

    async def add_candidate(self, candidate):
        if candidate["candidate"]:
            self.rtc.emit("add-ice-candidate", candidate["sdpMLineIndex"],
                          candidate["candidate"])

    async def close(self):
        # Not on the loop: it waits for threads that call into it.
        await asyncio.to_thread(self.pipe.set_state, Gst.State.NULL)
