#!/usr/bin/env python3
"""Drives Janus (VideoRoom, over its HTTP interface) for bench/run peers.

usage: janus.py loops|threads CPU     CPU: where it may run; -1: anywhere

Starts Janus with a configuration of its own on loopback. Lines of JSON on
stdin and stdout, as bench/peers/README.md says. All handles belong to one
session: that is cheaper for the driver and nothing media packets meet.
"""

import http.client
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from lines import fail, following, say

ROOM = 1234
START_S = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def library_folder():
    """Where Debian has the plugins: next to every other library."""
    listed = subprocess.run(["dpkg", "-L", "janus"], capture_output=True,
                            text=True, check=False).stdout.split()
    for path in listed:
        if path.endswith("/libjanus_videoroom.so"):
            return os.path.dirname(os.path.dirname(path))
    fail("janus is not installed; deploy/setup peers does it")
    return None


def version():
    return subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "janus"],
        capture_output=True, text=True, check=True).stdout


def configure(folder, libraries, port, loops):
    """Everything not said here is Janus' default."""
    only = {"plugins": "libjanus_videoroom.so",
            "transports": "libjanus_http.so"}
    for kind, keep in only.items():
        path = os.path.join(folder, kind)
        os.mkdir(path)
        os.symlink(os.path.join(libraries, kind, keep),
                   os.path.join(path, keep))
    extra = f"  event_loops = {loops}\n" if loops else ""
    texts = {
        "janus.jcfg": f'''general: {{
  configs_folder = "{folder}"
  plugins_folder = "{folder}/plugins"
  transports_folder = "{folder}/transports"
  debug_level = 2
{extra}}}
nat: {{ ice_enforce_list = "198.51.100.1" }}
''',
        "janus.transport.http.jcfg": f'''general: {{
  json = "compact"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false
}}
admin: {{ admin_http = false }}
''',
        "janus.plugin.videoroom.jcfg": f'''room-{ROOM}: {{
  description = "bench"
  publishers = 1
  bitrate = 0
  videocodec = "vp8"
  record = false
}}
'''}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)


class Janus:
    """One session: requests from here, events by a thread of their own."""

    def __init__(self, port):
        self.port = port
        self.own = self.connect()
        self.session = self.ask("/janus", {"janus": "create"})["data"]["id"]
        self.path = f"/janus/{self.session}"
        self.handles = {}
        self.events = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)

    def ask(self, path, what):
        body = json.dumps({**what, "transaction": "bench"})
        self.own.request("POST", path, body,
                         {"Content-Type": "application/json"})
        got = json.loads(self.own.getresponse().read())
        if got.get("janus") not in ("success", "ack"):
            fail(f"janus refuses {what.get('janus')}: {got.get('error')}")
        return got

    def attach(self, seat):
        handle = self.ask(self.path, {
            "janus": "attach",
            "plugin": "janus.plugin.videoroom"})["data"]["id"]
        self.handles[handle] = seat
        return handle

    def tell(self, handle, body, jsep=None):
        what = {"janus": "message", "body": body}
        if jsep:
            what["jsep"] = jsep
        self.ask(f"{self.path}/{handle}", what)

    def listen(self):
        """Long polls; Janus ends a session that nobody asks."""
        poll = self.connect()
        while True:
            try:
                poll.request("GET", f"{self.path}?maxev=50")
                got = json.loads(poll.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.events.put({"janus": "lost", "why": str(error)})
                return
            for event in got if isinstance(got, list) else [got]:
                self.events.put(event)


class Room:
    """Seats of the generator as publisher and subscribers."""

    def __init__(self, janus):
        self.janus = janus
        self.publisher = None
        self.handle = {}
        self.offer = self.publishing = None
        self.up = False
        self.waiting = []

    def publish(self, seat, offer):
        handle = self.handle[seat] = self.janus.attach(seat)
        self.offer, self.publishing = offer, seat
        self.janus.tell(handle, {"request": "join", "room": ROOM,
                                 "ptype": "publisher"})

    def subscribe(self, seat):
        if not self.up:
            self.waiting.append(seat)
            return
        handle = self.handle[seat] = self.janus.attach(seat)
        self.janus.tell(handle, {
            "request": "join", "room": ROOM, "ptype": "subscriber",
            "streams": [{"feed": self.publisher}]})

    def on_up(self, seat):
        """Janus knows of no feed before its own side is connected."""
        self.up = self.up or seat == self.publishing
        while self.up and self.waiting:
            self.subscribe(self.waiting.pop(0))

    def answer(self, seat, sdp):
        self.janus.tell(self.handle[seat], {"request": "start"},
                        {"type": "answer", "sdp": sdp})

    def on_event(self, event):
        if event["janus"] in ("lost", "hangup", "timeout"):
            fail(f"janus: {event['janus']}: "
                 f"{event.get('why') or event.get('reason')}")
        if event["janus"] == "webrtcup":
            self.on_up(self.janus.handles[event["sender"]])
        if event["janus"] != "event":
            return
        data = event["plugindata"]["data"]
        if "error" in data:
            fail(f"janus: {data['error']}")
        seat = self.janus.handles[event["sender"]]
        if data.get("videoroom") == "joined":
            self.publisher = data["id"]
            self.janus.tell(event["sender"], {"request": "publish"},
                            {"type": "offer", "sdp": self.offer})
        elif "jsep" in event:
            say({"event": event["jsep"]["type"], "seat": seat,
                 "sdp": event["jsep"]["sdp"]})


def wait_for(port, server):
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    fail("janus does not start")


def serve(mode, cpu, folder):
    loops = 0
    if mode == "loops":
        loops = 1 if cpu >= 0 else os.cpu_count()
    port = free_port()
    configure(folder, library_folder(), port, loops)
    with open(os.path.join(folder, "log"), "wb") as log:
        server = subprocess.Popen(
            (["taskset", "-c", str(cpu)] if cpu >= 0 else [])
            + ["janus", "-F", folder], stdout=log, stderr=log,
            stdin=subprocess.DEVNULL)
    try:
        wait_for(port, server)
        room = Room(Janus(port))
        say({"event": "ready", "pid": server.pid,
             "version": f"janus {version()}",
             "settings": f"event_loops = {loops}" if loops
             else "a thread for each handle"})
        for what in following(room.janus.events):
            if "do" not in what:
                room.on_event(what)
            elif what["do"] == "join" and "sdp" in what:
                room.publish(what["seat"], what["sdp"])
            elif what["do"] == "join":
                room.subscribe(what["seat"])
            elif what["do"] == "answer":
                room.answer(what["seat"], what["sdp"])
    finally:
        server.kill()
        server.wait()


def main():
    folder = tempfile.mkdtemp(prefix="hearth-janus.")
    try:
        serve(sys.argv[1], int(sys.argv[2]), folder)
    finally:
        shutil.rmtree(folder)


main()
