#!/usr/bin/env python3
"""A hook program of hearth's: an index of recordings, and copies of the
composed files. README.md says how to set it up."""

import fcntl
import json
import os
import shutil
import sys
import time
from pathlib import Path


def manifest():
    """What is known of the recording; of a deleted one there is none."""
    try:
        return json.loads(Path(os.environ["HEARTH_MANIFEST"]).read_text())
    except (KeyError, OSError, ValueError):
        return {}


def names(known):
    """Who was in it, in one field of the index."""
    people = [p.get("name") or p.get("user_id") or "?"
              for p in known.get("participants", [])]
    return " ".join(", ".join(people).split())


def note(archive, known):
    """One line, also when several recordings end at the same moment."""
    fields = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              os.environ["HEARTH_EVENT"], os.environ["HEARTH_RECORDING"],
              os.environ.get("HEARTH_ROOM", ""),
              os.environ.get("HEARTH_FILE", ""),
              str(known.get("duration_ms", "")), names(known))
    with open(archive / "index.tsv", "a", encoding="utf-8") as index:
        fcntl.flock(index, fcntl.LOCK_EX)
        index.write("\t".join(fields) + "\n")


def keep(archive, recording, known):
    """Under a name of its own at once whole: first beside it, then there."""
    composed = known.get("composed", {}).get("name")
    if not composed:
        return
    source = Path(os.environ["HEARTH_DIRECTORY"]) / composed
    wanted = archive / f"{recording}{source.suffix}"
    partial = archive / f".{recording}.partial"
    shutil.copyfile(source, partial)
    os.replace(partial, wanted)


def forget(archive, recording):
    for copy in archive.glob(f"{recording}.*"):
        copy.unlink()


def main():
    os.umask(0o077)
    archive = Path(os.environ.get("HEARTH_ARCHIVE", "archive"))
    archive.mkdir(parents=True, exist_ok=True)
    event = os.environ.get("HEARTH_EVENT")
    recording = os.environ.get("HEARTH_RECORDING")
    if not event or not recording:
        print("archive.py is run by hearth, see README.md", file=sys.stderr)
        return 2
    known = manifest()
    if event == "composed":
        keep(archive, recording, known)
    elif event == "deleted":
        forget(archive, recording)
    note(archive, known)
    return 0


if __name__ == "__main__":
    sys.exit(main())
