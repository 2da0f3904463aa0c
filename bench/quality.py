#!/usr/bin/env python3
"""The scenario grid with real browsers on bad links: bench/run quality.

Builds hearth (release, build/quality), the link, the web client; installs what
they need. The grid itself is tests/e2e/quality.mjs, which takes the options.
Needs root: it makes network namespaces and TUN devices."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "deploy" / "demo"))
import builds  # noqa: E402
import homeserver  # noqa: E402
import work  # noqa: E402
from state import Failure  # noqa: E402

LOG = ROOT / "build" / "logs" / "quality.log"


def prepare():
    """Everything that the grid runs; returns the hearth to measure."""
    if os.geteuid() != 0:
        raise Failure("it makes network namespaces: run it as root")
    sets = ["run", "check", "test"]
    if any("janus" in word for word in sys.argv):
        sets.append("peers")
    subprocess.run([ROOT / "deploy" / "setup", *sets], check=True,
                   stdout=sys.stderr)
    program = builds.hearth("quality", "release")
    if any("livekit" in word for word in sys.argv):
        work.step("building LiveKit's server (the first time takes many "
                  "minutes)", [ROOT / "bench" / "peers" / "build", "livekit"],
                  LOG, "Leave it out by --servers.")
    work.step("building the link", ["cmake", "--build",
              ROOT / "build" / "quality", "--target", "badlink", "crowd",
              "-j", builds.jobs()], LOG, "Please report this, with the log.",
              quiet=True)
    builds.npm_install(ROOT / "tests" / "e2e")
    builds.web()
    homeserver.venv()
    return program


def main():
    program = None
    try:
        if "--table" in sys.argv:
            builds.npm_install(ROOT / "tests" / "e2e", quiet=True)
        else:
            program = prepare()
    except (Failure, subprocess.CalledProcessError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    script = ROOT / "tests" / "e2e" / "quality.mjs"
    return subprocess.run(
        ["node", script, "--grid", *sys.argv[1:]],
        env={**os.environ, "HEARTH_BIN": str(program), "HEARTH_ARTIFACTS":
             str(ROOT / "build" / "logs" / "quality")}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
