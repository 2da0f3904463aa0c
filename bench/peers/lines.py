"""The lines of JSON between a driver and the generator."""

import json
import sys
import threading

_lock = threading.Lock()


def say(event):
    with _lock:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def fail(text):
    """Ends the driver, and so the run, with a sentence."""
    say({"event": "failed", "text": text})
    sys.exit(1)


def following(events):
    """What the generator says and what others put into `events`, in order,
    until the generator has nothing to say any more."""
    def read():
        try:
            for line in sys.stdin:
                events.put(json.loads(line))
        finally:
            events.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (what := events.get()) is not None:
        yield what
