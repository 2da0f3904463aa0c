"""Starts, finds and ends background processes by pid file.

A pid file holds the pid together with the start time of the process and the
boot it belongs to, so that a recycled pid is never taken for ours.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path


def _identity(pid):
    """What no other process ever shares with this one; None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The second field is the program's name in brackets, with anything in it.
    fields = stat[stat.rindex(")") + 2:].split()
    if fields[0] in "ZX":
        return None
    return f"{boot}/{fields[19]}"


def alive(pidfile):
    """The pid of the process that wrote pidfile's entry, or None."""
    try:
        entry = json.loads(Path(pidfile).read_text())
        pid = int(entry["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    identity = _identity(pid)
    return pid if identity and identity == entry.get("identity") else None


def start(argv, pidfile, log, cwd=None, env=None):
    """Starts argv in a session of its own; its output is appended to log."""
    with open(log, "ab") as out:
        child = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, cwd=cwd, env=env,
            start_new_session=True)
    entry = {"pid": child.pid, "identity": _identity(child.pid)}
    temporary = Path(f"{pidfile}.new")
    temporary.write_text(json.dumps(entry))
    temporary.replace(pidfile)
    return child


def stop(pidfile, timeout_s=10.0):
    """Ends the process: SIGTERM, and SIGKILL when it stays. False if there
    was none."""
    pid = alive(pidfile)
    if pid:
        _signal(pid, signal.SIGTERM)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and alive(pidfile):
            time.sleep(0.05)
        if alive(pidfile):
            _signal(pid, signal.SIGKILL)
            time.sleep(0.2)
    Path(pidfile).unlink(missing_ok=True)
    return pid is not None


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def tail(path, lines=15):
    """The last lines of a log, indented, for an error message."""
    try:
        text = Path(path).read_text(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join("  " + line for line in text.splitlines()[-lines:])
