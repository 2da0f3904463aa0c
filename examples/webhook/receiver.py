#!/usr/bin/env python3
"""Receives hearth's webhooks and prints one line of JSON for each event whose
signature is right. README.md says what is checked, and why."""

import argparse
import hashlib
import hmac
import json
import sys
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

BODY_MAX = 4 << 20
CLOCK_S = 300
REMEMBERED = 10000


class Seen:
    """Deliveries that have come before: a retry after an answer that got lost
    on the way must not count twice."""

    def __init__(self):
        self.ids, self.lock = OrderedDict(), Lock()

    def first(self, delivery):
        with self.lock:
            new = delivery not in self.ids
            self.ids[delivery] = True
            if len(self.ids) > REMEMBERED:
                self.ids.popitem(last=False)
            return new


def right(secret, timestamp, body, signature):
    """True when it was made with our secret, and lately."""
    if not timestamp.isascii() or not timestamp.isdigit() \
            or abs(time.time() - int(timestamp)) > CLOCK_S:
        return False
    signed = timestamp.encode() + b"." + body
    wanted = "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), signature.encode())


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX:
            self._answer(413)
            return
        body = self.rfile.read(int(length))
        if not right(self.server.secret,
                     self.headers.get("Hearth-Timestamp", ""), body,
                     self.headers.get("Hearth-Signature", "")):
            self._answer(401)
            return
        try:
            event = json.loads(body)
        except ValueError:
            self._answer(400)
            return
        self._answer(204)
        delivery = self.headers.get("Hearth-Delivery", "")
        if self.server.seen.first(delivery):
            self._tell(delivery, event)

    def _tell(self, delivery, event):
        manifest = event.get("manifest") or {}
        line = json.dumps({
            "delivery": delivery, "event": event.get("event"),
            "id": event.get("id"), "room": event.get("room"),
            "state": manifest.get("state"),
            "files": [f.get("name") for f in manifest.get("files", [])]})
        with self.server.lock:
            print(line, flush=True)

    def _answer(self, code):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        print(format % args, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret-file", type=Path, required=True)
    args = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.secret = args.secret_file.read_bytes().strip()
    server.seen, server.lock = Seen(), Lock()
    print(f"listening on port {server.server_port}", file=sys.stderr,
          flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
