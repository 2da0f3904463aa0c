"""What the lints share: the tracked files, and C without comments."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*patterns):
    """Paths of the tree as git knows them, and new ones not ignored."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached",
         "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [p for p in sorted(set(listed.split("\0")))
            if p and (ROOT / p).is_file()]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


_SKIP = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL)


def bare(source):
    """C without comments and with empty strings; lines stay in place."""
    def blank(match):
        found = match.group()
        lines = "\n" * found.count("\n")
        return '""' if found[0] == '"' else "0" if found[0] == "'" else lines
    return _SKIP.sub(blank, source)


def functions(source):
    """(name, first line, last line) of each function. The house format puts
    its opening and closing brace alone at the start of a line."""
    lines = source.split("\n")
    start, name = None, ""
    for number, line in enumerate(lines, 1):
        if line == "{":
            head = []
            for above in reversed(lines[:number - 1]):
                if not above or above[0] in "#}/{" or above.endswith(";"):
                    break
                head.insert(0, above)
            found = re.search(r"(\w+)\s*\(", " ".join(head))
            start = number - len(head)
            name = found.group(1) if found else "?"
        elif line == "}" and start is not None:
            yield name, start, number
            start = None


def finish(what, problems, warnings=()):
    """Prints and exits."""
    for line in warnings:
        print(f"warning: {line}")
    for line in problems:
        print(line)
    print(f"{what}: {len(problems)} problems, {len(warnings)} warnings")
    sys.exit(1 if problems else 0)
