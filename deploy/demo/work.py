"""Runs one long step with its output in a file and a line of progress."""

import subprocess
import time
from pathlib import Path

import process
from state import Failure


def step(what, argv, log, advice, cwd=None, env=None, quiet=False):
    """Runs argv; says `what` and, on failure, the log's end and `advice`."""
    log = Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    if not quiet:
        print(what, flush=True)
    begin = told = time.monotonic()
    with open(log, "wb") as out:
        child = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, cwd=cwd, env=env)
        while True:
            try:
                code = child.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() - told >= 15 and not quiet:
                    told = time.monotonic()
                    print(f"  … still at it, {told - begin:.0f} s",
                          flush=True)
            except BaseException:
                child.terminate()
                raise
    if code != 0:
        raise Failure(f"{what}: failed (exit code {code})\n"
                      f"{process.tail(log)}\n{advice}\n"
                      f"The whole output: {log}")
    return time.monotonic() - begin
