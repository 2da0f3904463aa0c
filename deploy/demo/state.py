"""Where the demo and the tests keep what they make: outside the tree, one
directory per user, and in it one per clone, so that clones never meet."""

import contextlib
import fcntl
import hashlib
import os
import socket
import stat
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Failure(Exception):
    """Something the person at the keyboard can act on; the text says how."""


def base():
    """The user's directory; made at need. HEARTH_STATE overrides the place."""
    chosen = os.environ.get("HEARTH_STATE")
    xdg = os.environ.get("XDG_STATE_HOME")
    if chosen:
        path = Path(chosen).absolute()
    elif xdg:
        path = Path(xdg).absolute() / "hearth"
    else:
        path = Path(f"/var/tmp/hearth-{os.getuid()}")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    # /var/tmp is everybody's: a directory laid out by someone else would
    # have us run their programs.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Failure(f"{path} is not a directory of user {os.getuid()}; "
                      "remove it, or set HEARTH_STATE to another place")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def clone():
    """This clone's directory."""
    key = hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]
    path = base() / f"clone-{key}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


@contextlib.contextmanager
def lock(name):
    """Held while two runs must not do the same; waits for the other."""
    with open(base() / f"{name}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def port_is_free(port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # What is in TIME_WAIT does not keep a server from listening.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def pick_port(wanted, kind=socket.SOCK_STREAM, taken=()):
    """wanted, or the next free one above it."""
    for port in range(wanted, wanted + 500):
        if port not in taken and port_is_free(port, kind):
            return port
    raise Failure(f"no free port between {wanted} and {wanted + 499}")


def own_address():
    """This machine's IPv4 address toward the rest of the world, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Asks the routing table; a datagram socket sends nothing here.
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def tree_hash(*paths, skip=("node_modules", "dist", "__pycache__")):
    """One hash over files and directories: has anything changed?"""
    digest = hashlib.sha256()
    for top in map(Path, paths):
        files = [top] if top.is_file() else sorted(
            p for p in top.rglob("*") if p.is_file()
            and not any(s in p.relative_to(top).parts for s in skip))
        for file in files:
            digest.update(str(file).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
