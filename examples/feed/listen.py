#!/usr/bin/env python3
"""Hands a call's RTP to ffmpeg, one for each participant's source. README.md
has examples."""

import argparse
import json
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import hearthfeed as hf

# ffmpeg needs a moment to open its ports: what it missed, it gets by these.
ASK_AFTER_S = (0.5, 2, 5)
END_S = 10


def free_ports(count):
    """Even port numbers whose neighbour is free too, for RTP and RTCP."""
    found, held = [], []
    while len(found) < count:
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for _ in range(2)]
        held += pair
        pair[0].bind(("127.0.0.1", 0))
        port = pair[0].getsockname()[1]
        try:
            pair[1].bind(("127.0.0.1", port + 1))
        except OSError:
            continue
        if port % 2 == 0:
            found.append(port)
    for sock in held:
        sock.close()
    return found


def sdp_file(path, media, ports):
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=hearth",
             "c=IN IP4 127.0.0.1", "t=0 0"]
    for m, port in zip(media, ports):
        pt, codec = next(iter(m.codecs.items()))
        lines += [f"m={m.kind} {port} RTP/AVP {pt}", f"a=rtpmap:{pt} {codec}"]
    path.write_text("\n".join(lines) + "\n")


class Source:
    """One participant's source and the ffmpeg that gets it."""

    def __init__(self, name, stream, media, output, arguments):
        self.ssrcs = {m.ssrc: (m.kind, port)
                      for m, port in zip(media, free_ports(len(media)))}
        self.begun, self.asked = time.monotonic(), 0
        self.stream, self.name = stream, name
        path = output / f"{name}.sdp"
        sdp_file(path, media, [port for _, port in self.ssrcs.values()])
        self.ffmpeg = subprocess.Popen(
            ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin",
             "-protocol_whitelist", "file,udp,rtp", "-i", path.name, "-y",
             *(a.replace("{name}", name) for a in arguments)],
            cwd=output, stdin=subprocess.DEVNULL)
        print(json.dumps({"source": name, "label": stream.label,
                          "kinds": sorted(k for k, _ in
                                          self.ssrcs.values())}), flush=True)

    def ask(self, feed):
        age = time.monotonic() - self.begun
        if self.asked < len(ASK_AFTER_S) and age > ASK_AFTER_S[self.asked]:
            self.asked += 1
            for ssrc, (kind, _) in self.ssrcs.items():
                if kind == "video":
                    feed.keyframe(ssrc)

    def end(self, udp):
        """RTCP BYE (RFC 3550 6.6) is the end of the file to ffmpeg, which
        completes what it writes; a signal would have to wait for packets."""
        for ssrc, (_, port) in self.ssrcs.items():
            empty = struct.pack(">BBHI", 0x80, 201, 1, ssrc)
            udp.sendto(empty + struct.pack(">BBHI", 0x81, 203, 1, ssrc),
                       ("127.0.0.1", port + 1))

    def wait(self):
        try:
            self.ffmpeg.wait(END_S)
        except subprocess.TimeoutExpired:
            print(f"{self.name}: ffmpeg did not end", file=sys.stderr)
            self.ffmpeg.kill()
            self.ffmpeg.wait()
        print(json.dumps({"source": self.name, "ended":
                          self.ffmpeg.returncode}), flush=True)


class Listener:
    def __init__(self, feed, output, arguments):
        self.feed, self.output, self.arguments = feed, output, arguments
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media, self.sources, self.ended = [], {}, []
        self.to, self.count = {}, 0

    def streams(self, streams):
        """What there is now: begin what is new, end what is gone."""
        wanted = {}
        for stream in streams:
            media = [m for m in self.media if m.stream == stream.id
                     and m.ssrc and m.direction in ("sendonly", "sendrecv")]
            if media:
                wanted[stream.id, tuple(m.ssrc for m in media)] = \
                    (stream, media)
        for key in [k for k in self.sources if k not in wanted]:
            self.sources[key].end(self.udp)
            self.ended.append(self.sources.pop(key))
        for key, (stream, media) in wanted.items():
            if key not in self.sources:
                self.count += 1
                self.sources[key] = Source(str(self.count), stream, media,
                                           self.output, self.arguments)
        self.to = {ssrc: port for s in self.sources.values()
                   for ssrc, (_, port) in s.ssrcs.items()}

    def packet(self, payload):
        port = self.to.get(struct.unpack_from(">I", payload, 8)[0]) \
            if len(payload) >= 12 else None
        if port:
            self.udp.sendto(payload, ("127.0.0.1", port))

    def report(self, payload):
        for ssrc, report in hf.reports(payload):
            if ssrc in self.to:
                self.udp.sendto(report, ("127.0.0.1", self.to[ssrc] + 1))

    def frame(self, kind, payload):
        """False: the call is over."""
        if kind == hf.RTP:
            self.packet(payload)
        elif kind == hf.RTCP:
            self.report(payload)
        elif kind == hf.SDP:
            self.media = hf.parse_sdp(payload.decode())
        elif kind == hf.STREAMS:
            self.streams(hf.parse_streams(payload.decode()))
        elif kind == hf.REFUSED:
            raise hf.FeedError(f"the offer was refused: {payload.decode()}")
        elif kind == hf.LOST:
            print(f"lost {payload.decode()} packets", file=sys.stderr)
        return kind != hf.BYE

    def run(self):
        while True:
            ready, _, _ = select.select([self.feed], [], [], 0.25)
            for kind, _, payload in self.feed.read() if ready else ():
                if not self.frame(kind, payload):
                    return
            for source in self.sources.values():
                source.ask(self.feed)

    def close(self):
        for source in self.sources.values():
            source.end(self.udp)
        for source in [*self.sources.values(), *self.ended]:
            source.wait()


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--room", required=True)
    parser.add_argument("--output", type=Path, default=Path("."))
    parser.add_argument("arguments", nargs="*", metavar="-- ffmpeg's …",
                        default=["-c", "copy", "{name}.mkv"])
    return parser.parse_args()


def main():
    args = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    args.output.mkdir(parents=True, exist_ok=True)
    try:
        feed = hf.Feed(args.socket, args.token_file.read_text().strip(),
                       args.room)
        feed.send(hf.OFFER, hf.offer(takes=("audio", "video")))
        listener = Listener(feed, args.output, args.arguments)
        try:
            listener.run()
        finally:
            listener.close()
    except KeyboardInterrupt:
        pass
    except (hf.FeedError, OSError) as error:
        print(f"listen.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
