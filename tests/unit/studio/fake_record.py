#!/usr/bin/env python3
"""Stands in for hearth-record: speaks its lines, writes its manifest, and
misbehaves where a test asks it to: `do` in the start order's `about`, or
`finish` and `compose` in the file .fake of the recordings' directory."""

import fcntl
import json
import os
import signal
import sys
import threading
import time

FILE = "p1-camera-1.webm"


def say(kind, **more):
    sys.stdout.write(json.dumps({"type": kind, **more}) + "\n")
    sys.stdout.flush()


def write(directory, manifest):
    path = os.path.join(directory, "manifest.json")
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(manifest, f)
    os.rename(path + ".new", path)


def read(directory):
    with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as f:
        return json.load(f)


def wish(directory, verb):
    try:
        with open(os.path.join(directory, "../.fake"), encoding="utf-8") as f:
            return json.load(f).get(verb, "")
    except FileNotFoundError:
        return ""


def note(directory, name, text):
    with open(os.path.join(directory, name), "a", encoding="utf-8") as f:
        f.write(text + "\n")


class Run:
    def __init__(self):
        self.directory = self.do = ""
        self.manifest = {}
        self.lock = threading.Lock()

    def begin(self, order):
        self.do = order.get("about", {}).get("do", "")
        self.directory = order["directory"]
        heir = "continues" in order.get("about", {})
        if heir and self.do.startswith("die, then wait"):
            time.sleep(0.7)
        if self.do == "unborn" or heir and self.do.endswith("unborn heir"):
            say("failed", message="It was not to be.")
            sys.exit(1)
        if self.do == "silent":
            time.sleep(600)
        if self.do == "fds":
            for fd in sorted(os.listdir("/proc/self/fd"), key=int):
                note(self.directory, "fds.txt", fd)
        self.manifest = {
            "version": 1, "id": order["id"], "state": "recording",
            "room": order["room"], "about": order["about"],
            "started_ms": int(time.time() * 1000), "files": []}
        write(self.directory, self.manifest)
        say("started", manifest=os.path.join(self.directory, "manifest.json"))
        self.act()

    def act(self):
        if self.do == "die" or \
                self.do.startswith("die") and "continues" not in \
                self.manifest["about"]:
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.do.startswith("track"):
            self.track()
        elif self.do == "trouble":
            say("trouble", code="disk_full", message="The disk is full.")
            say("recovered", message="The disk has space again.")
        elif self.do == "babble":
            while True:
                say("progress", percent=1, what="finishing")
        elif self.do == "nonsense":
            print("This is no JSON.", flush=True)
            time.sleep(600)
        elif self.do == "endless":
            while True:
                sys.stdout.write("x" * 65536)
        elif self.do == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)

    def track(self):
        with open(os.path.join(self.directory, FILE), "wb") as f:
            f.write(b"picture and sound")
        tracks = [{"kind": "audio", "codec": "opus"}]
        self.manifest["files"].append(
            {"name": FILE, "participant": 1, "bytes": 17, "tracks": tracks})
        write(self.directory, self.manifest)
        say("track", file=FILE, participant=1, user_id="@ann:example.org",
            purpose="camera", tracks=tracks)

    def end(self, reason):
        with self.lock:
            self.manifest.update(
                state="finished", ended_ms=int(time.time() * 1000),
                duration_ms=1000, stopped_because=reason)
            write(self.directory, self.manifest)
            if self.do == "track, then torn":
                os.truncate(os.path.join(self.directory, "manifest.json"), 9)
            say("stopped", manifest="", duration_ms=1000, bytes=17, files=1)
            os._exit(0)

    def feed(self):
        """Reads the feed to its end, which is the end of the recording."""
        while True:
            data = os.read(3, 65536)
            if not data:
                break
            note(self.directory, "feed.txt", data.decode())
        self.end("crashed")

    def loop(self):
        for line in sys.stdin:
            order = json.loads(line)
            if order["type"] == "start":
                self.begin(order)
                threading.Thread(target=self.feed, daemon=True).start()
                continue
            note(self.directory, "orders.txt", line.strip())
            if order["type"] == "stop":
                self.end(order["reason"])
        self.end("crashed")


def finish(directory):
    if wish(directory, "finish") == "fail":
        say("failed", message="The disk is gone.")
        sys.exit(1)
    try:
        manifest = read(directory)
    except (FileNotFoundError, ValueError):
        manifest = {"version": 1, "id": os.path.basename(directory),
                    "room": "", "files": []}
        path = os.path.join(directory, "origin.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                origin = json.load(f)
            manifest.update(room=origin["room"], about=origin["about"])
    manifest.update(state="finished", stopped_because="crashed",
                    duration_ms=500)
    write(directory, manifest)
    say("stopped", manifest="", duration_ms=500, bytes=17, files=1)


def compose(directory, layout):
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("failed", message="This recording is being composed already.")
        sys.exit(1)
    note(directory, "composing.txt", f"{layout} nice {os.nice(0)}")
    do = wish(directory, "compose")
    if do == "fail":
        say("failed", message="ffmpeg is not installed.")
        sys.exit(1)
    if do == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "slow":
        time.sleep(600)
    for percent in range(0, 101, 10):
        say("progress", percent=percent, what="composing")
    for name in ("composed.mp4", "thumbnail.jpg"):
        with open(os.path.join(directory, name), "wb") as f:
            f.write(b"0123456789")
    manifest = read(directory)
    manifest["state"] = "composed"
    manifest["composed"] = {
        "name": "composed.mp4", "mimetype": "video/mp4", "bytes": 10,
        "thumbnail": {"name": "thumbnail.jpg", "bytes": 10}}
    write(directory, manifest)
    say("composed", **manifest["composed"])


def main():
    if sys.argv[1] == "run":
        Run().loop()
    elif sys.argv[1] == "finish":
        finish(sys.argv[2])
    else:
        compose(sys.argv[2], sys.argv[4])


main()
