#!/usr/bin/env python3
"""Nothing in the tree knows this machine or a registry, and nothing is left
for later."""

import json
import re

from _source import files, finish, text

# In pieces, so that this file does not find itself.
HOSTS = [r"registry\.npm" + r"js\.org", r"registry\.yarn" + r"pkg\.com",
         r"py" + r"pi\.org", r"files\.python" + r"hosted\.org",
         r"deb\.deb" + r"ian\.org", r"static\.crates" + r"\.io",
         r"proxy\.gol" + r"ang\.org", r"cdn\.jsdel" + r"ivr\.net",
         r"unp" + r"kg\.com"]
MACHINE = re.compile(r"(?<![\w.$}])/(" + "wo" + r"rk|ho" + r"me/\w+|ro"
                     + r"ot|Us" + r"ers)/[\w.]")
LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
HOST = re.compile("|".join(HOSTS))
DOWNLOAD = re.compile(r"\b(curl|wget)\s+[^|;\n]*https?://(?!127\.0\.0\.1|"
                      r"localhost|\[::1\])")
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
BINARY = (".png", ".jpg", ".ico", ".woff2", ".pcap", ".pcapng", ".bin",
          ".rtp")


def check(path, problems):
    source = text(path)
    for number, line in enumerate(source.split("\n"), 1):
        for pattern, what in ((HOST, "a registry's host"),
                              (MACHINE, "a path of one machine"),
                              (DOWNLOAD, "a download"),
                              (LATER, "something left for later")):
            found = pattern.search(line)
            if found and not (what.startswith("a path")
                              and path == "LICENSE"):
                problems.append(f"{path}:{number}: {what}: {found.group()}")
        if line != line.rstrip() and not path.endswith((".md", ".sdp")) \
                and "vectors/" not in path and "corpus/" not in path:
            problems.append(f"{path}:{number}: white space at the end")
    if CONFLICT.search(source):
        problems.append(f"{path}: a merge left its marks")
    if source and not source.endswith("\n") and "corpus/" not in path:
        problems.append(f"{path}: no newline at the end")


def check_lock(path, problems):
    for name, entry in json.loads(text(path)).get("packages", {}).items():
        if "resolved" in entry and not entry.get("link"):
            problems.append(f"{path}: {name} has a `resolved` address")


def main():
    problems = []
    for path in files():
        if path.endswith(BINARY) or path.startswith("tests/fuzz/corpus/"):
            continue
        check(path, problems)
        if path.endswith("package-lock.json"):
            check_lock(path, problems)
    finish("tree", problems)


main()
