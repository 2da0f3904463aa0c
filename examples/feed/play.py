#!/usr/bin/env python3
"""Plays a file into a call: ffmpeg makes Opus and VP8 of it in real time, its
RTP goes into the feed. README.md has an example."""

import argparse
import json
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import hearthfeed as hf

SSRC = {"audio": 0x48454101, "video": 0x48454102}
# A key frame every second: ffmpeg cannot be asked for one, and who joins in
# the middle waits for the next.
ENCODE = {
    "audio": ["-map", "0:a:0", "-c:a", "libopus", "-b:a", "64k", "-ar",
              "48000", "-ac", "2", "-payload_type", str(hf.OPUS)],
    "video": ["-map", "0:v:0", "-c:v", "libvpx", "-deadline", "realtime",
              "-cpu-used", "8", "-b:v", "800k", "-auto-alt-ref", "0",
              "-error-resilient", "default", "-force_key_frames",
              "expr:gte(t,n_forced)", "-pix_fmt", "yuv420p",
              "-payload_type", str(hf.VP8)],
}


def kinds(path):
    """Which of audio and video the file has."""
    ran = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type",
         "-of", "json", path], capture_output=True, text=True, check=True)
    found = {s["codec_type"] for s in json.loads(ran.stdout)["streams"]}
    return [kind for kind in ("audio", "video") if kind in found]


def receivers():
    """Two sockets on neighbouring ports: ffmpeg sends RTP to the first and
    RTCP to the one after it."""
    while True:
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for _ in range(2)]
        pair[0].bind(("127.0.0.1", 0))
        port = pair[0].getsockname()[1]
        try:
            pair[1].bind(("127.0.0.1", port + 1))
            return pair, port
        except OSError:
            for sock in pair:
                sock.close()


class Player:
    def __init__(self, feed, path, loop):
        self.feed = feed
        self.found = kinds(path)
        self.frame_of = {}  # socket -> the kind of frame its packets become
        # The same for both, or their sender reports disagree and sound and
        # picture come apart.
        begin = ["-start_time_realtime", str(int(time.time() * 1e6))]
        self.command = ["ffmpeg", "-hide_banner", "-loglevel", "warning",
                        "-nostdin", *(["-stream_loop", "-1"] if loop else []),
                        "-re", "-i", path]
        for kind in self.found:
            (rtp, rtcp), port = receivers()
            self.frame_of.update({rtp: hf.RTP, rtcp: hf.RTCP})
            self.command += [*ENCODE[kind], *begin, "-ssrc",
                             str(SSRC[kind]), "-f", "rtp",
                             f"rtp://127.0.0.1:{port}?pkt_size=1200"]

    def run(self):
        """Until the file has ended, or the call."""
        self.feed.send(hf.OFFER, hf.offer(
            publishes=[(kind, SSRC[kind]) for kind in self.found]))
        # Its stdout would be the SDP; hearth has had ours.
        ffmpeg = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)
        try:
            while ffmpeg.poll() is None and self.turn():
                pass
        finally:
            ffmpeg.terminate()
        return ffmpeg.wait()

    def turn(self):
        ready, _, _ = select.select([self.feed, *self.frame_of], [], [], 0.25)
        for source in ready:
            if source is self.feed:
                if not self.listen():
                    return False
            else:
                self.feed.send(self.frame_of[source], source.recv(2048))
        return True

    def listen(self):
        for kind, _, payload in self.feed.read():
            if kind == hf.REFUSED:
                raise hf.FeedError(f"refused: {payload.decode()}")
            if kind == hf.BYE:
                return False
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--room", required=True)
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        feed = hf.Feed(args.socket, args.token_file.read_text().strip(),
                       args.room)
        Player(feed, args.file, args.loop).run()
    except KeyboardInterrupt:
        pass
    except (hf.FeedError, OSError, subprocess.CalledProcessError) as error:
        print(f"play.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
