#!/usr/bin/env python3
"""C is formatted as .clang-format says."""

import subprocess

from _source import ROOT, files, finish


def main():
    sources = files("*.c", "*.h")
    problems = [] if sources else ["there is no source file"]
    for path in sources:
        ran = subprocess.run(
            ["clang-format", "--dry-run", "-Werror", path], cwd=ROOT,
            capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            first = (ran.stderr.splitlines() or ["?"])[0]
            problems.append(f"clang-format -i {path}   # {first[:120]}")
    finish(f"format of {len(sources)} files", problems)


main()
