"""hearth's feed for Python programs: how to get in, frames, and as much of SDP
as one needs. feed/README.md and feed/frame.h are the contract."""

import json
import socket
import struct
from dataclasses import dataclass, field

HELLO, RTP, RTCP, SDP, STREAMS, SPEAKER, LOST, REFUSED, BYE, OFFER = \
    range(1, 11)
HEADER = struct.Struct(">IB3xQ")
PAYLOAD_MAX = 262144
OPUS, VP8 = 111, 96


class FeedError(Exception):
    """hearth said no, or the stream is broken."""


class Feed:
    """The connection. fileno() makes it fit for select."""

    def __init__(self, path, token, room):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.settimeout(30)
        self.buffer = bytearray()
        line = json.dumps({"token": token, "room": room}) + "\n"
        self.socket.sendall(line.encode())
        answer = self._line()
        if not answer.get("ok"):
            raise FeedError(answer.get("error", "hearth gave no reason"))
        # What we send before hearth's first frame might be read by nobody.
        self.early = self._whole()
        while not self.early:
            self._more()
            self.early = self._whole()
        if self.early.pop(0)[0] != HELLO:
            raise FeedError("the first frame is not HELLO")

    def _line(self):
        while b"\n" not in self.buffer:
            self._more()
        line, _, rest = self.buffer.partition(b"\n")
        self.buffer = bytearray(rest)
        return json.loads(line)

    def _more(self):
        got = self.socket.recv(65536)
        if not got:
            raise FeedError("hearth closed the feed")
        self.buffer += got

    def fileno(self):
        return self.socket.fileno()

    def read(self):
        """Waits for data once; returns the frames that are whole by then, as
        (type, time_us, payload)."""
        if self.early:
            frames, self.early = self.early, []
            return frames
        self._more()
        return self._whole()

    def _whole(self):
        frames, at = [], 0
        while len(self.buffer) - at >= HEADER.size:
            length, kind, time_us = HEADER.unpack_from(self.buffer, at)
            if length > PAYLOAD_MAX:
                raise FeedError("not a frame")
            end = at + HEADER.size + length
            if len(self.buffer) < end:
                break
            frames.append((kind, time_us,
                           bytes(self.buffer[at + HEADER.size:end])))
            at = end
        del self.buffer[:at]
        return frames

    def send(self, kind, payload):
        if isinstance(payload, str):
            payload = payload.encode()
        self.socket.sendall(HEADER.pack(len(payload), kind, 0) + payload)

    def keyframe(self, ssrc):
        """PLI, RFC 4585 6.3.1."""
        self.send(RTCP, struct.pack(">BBHII", 0x81, 206, 2, 1, ssrc))


@dataclass
class Media:
    """One m-line of hearth's description."""
    kind: str
    direction: str = "sendrecv"
    stream: str = ""
    ssrc: int = 0
    codecs: dict = field(default_factory=dict)  # payload type -> rtpmap


def parse_sdp(text):
    media = []
    for line in text.splitlines():
        if line.startswith("m="):
            media.append(Media(line[2:].split(" ", 1)[0]))
        if not media or not line.startswith("a="):
            continue
        name, _, value = line[2:].partition(":")
        now = media[-1]
        if name in ("sendonly", "recvonly", "sendrecv", "inactive"):
            now.direction = name
        elif name == "msid":
            now.stream = value.split(" ")[0]
        elif name == "ssrc" and not now.ssrc:
            now.ssrc = int(value.split(" ")[0])
        elif name == "rtpmap":
            number, _, codec = value.partition(" ")
            now.codecs[int(number)] = codec
    return media


@dataclass
class Stream:
    """One line of STREAMS: whose it is."""
    id: str
    owner: int
    source: str
    kinds: tuple
    label: str


def parse_streams(text):
    streams = []
    for line in text.splitlines():
        parts = line.split(" ", 4)
        if len(parts) == 5:
            streams.append(Stream(parts[0], int(parts[1]), parts[2],
                                  tuple(parts[3].split(",")), parts[4]))
    return streams


def _media(mid, kind, direction, extra=()):
    lines = {"audio": [f"m=audio 9 RTP/AVPF {OPUS}",
                       f"a=rtpmap:{OPUS} opus/48000/2"],
             "video": [f"m=video 9 RTP/AVPF {VP8}",
                       f"a=rtpmap:{VP8} VP8/90000",
                       f"a=rtcp-fb:{VP8} nack pli"]}[kind]
    return [lines[0], f"a=mid:{mid}", f"a={direction}", "a=rtcp-mux",
            *lines[1:], *extra]


def offer(takes=(), publishes=()):
    """The text of an OFFER. takes: kinds; publishes: (kind, ssrc), all of one
    stream, so that they belong together."""
    count = len(takes) + len(publishes)
    mids = " ".join(str(i) for i in range(count))
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0",
             f"a=group:BUNDLE {mids}"]
    for mid, kind in enumerate(takes):
        lines += _media(mid, kind, "recvonly")
    for mid, (kind, ssrc) in enumerate(publishes, len(takes)):
        lines += _media(mid, kind, "sendonly",
                        [f"a=msid:program {kind}",
                         f"a=ssrc:{ssrc} cname:program"])
    return "\r\n".join(lines) + "\r\n"


def reports(packet):
    """The sender reports in a compound RTCP packet, as (ssrc, bytes)."""
    at = 0
    while at + 8 <= len(packet):
        length = 4 * (struct.unpack_from(">H", packet, at + 2)[0] + 1)
        if packet[at + 1] == 200 and at + length <= len(packet):
            yield (struct.unpack_from(">I", packet, at + 4)[0],
                   packet[at:at + length])
        at += length
