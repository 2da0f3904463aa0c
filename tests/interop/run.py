"""Numbered things to show, one line each, and what to clean up afterwards."""

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Stop(Exception):
    """A step failed without which the rest makes no sense."""


class Run:
    """A failed step is told and the run goes on, so that one run shows all
    that is wrong; `must` ends it."""

    def __init__(self, name):
        self.name = name
        self.passed, self.failed = 0, 0
        self.cleanups = []
        self.artifacts = ROOT / "build" / "test-logs" / "interop" / name
        shutil.rmtree(self.artifacts, ignore_errors=True)
        self.artifacts.mkdir(parents=True)
        logging.basicConfig(filename=self.artifacts / "peers.log",
                            level=logging.INFO,
                            format="%(asctime)s %(name)s %(message)s")
        self.scratch = Path(tempfile.mkdtemp(prefix=f"hearth-{name}-"))

    def cleanup(self, action):
        """action: returns an awaitable; the last one registered is first."""
        self.cleanups.append(action)

    async def step(self, what, awaitable, timeout_s=30):
        begin = time.monotonic()
        try:
            said = await asyncio.wait_for(awaitable, timeout_s)
        except Exception as error:
            self.failed += 1
            why = str(error) or type(error).__name__
            print(f"FAIL  {what}: {why}", flush=True)
            if not isinstance(error, (Wrong, asyncio.TimeoutError)):
                traceback.print_exc(file=sys.stdout)
            return None
        self.passed += 1
        tail = f": {said}" if isinstance(said, str) else ""
        print(f"ok    {what} ({time.monotonic() - begin:.1f} s){tail}",
              flush=True)
        return said

    async def must(self, what, awaitable, timeout_s=30):
        before = self.failed
        said = await self.step(what, awaitable, timeout_s)
        if self.failed > before:
            raise Stop()
        return said

    async def finish(self):
        for action in reversed(self.cleanups):
            try:
                await asyncio.wait_for(action(), 15)
            except Exception as error:
                self.failed += 1
                print(f"FAIL  cleaning up: {error!r}", flush=True)
        shutil.rmtree(self.scratch, ignore_errors=True)


class Wrong(Exception):
    """Something is not as it should be; the text says what."""


def check(truth, message):
    if not truth:
        raise Wrong(message)


def same(found, wanted, what):
    check(found == wanted, f"{what}: expected {wanted!r}, found {found!r}")


async def until(what, test, timeout_s=20, every_s=0.1):
    """test: returns something true, or raises Wrong to say what it found."""
    end = time.monotonic() + timeout_s
    while True:
        found = ""
        try:
            value = test()
            if value:
                return value
        except Wrong as error:
            found = f" ({error})"
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {timeout_s:g} s{found}")
        await asyncio.sleep(every_s)


async def _body(run, body, limit_s):
    task = asyncio.ensure_future(body(run))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait_for(task, limit_s)
    except Stop:
        pass
    except (asyncio.CancelledError, asyncio.TimeoutError) as error:
        run.failed += 1
        print(f"FAIL  {run.name}: ended early, {error!r}", flush=True)
    except Exception:
        run.failed += 1
        print(f"FAIL  {run.name} itself:", flush=True)
        traceback.print_exc(file=sys.stdout)
    await run.finish()


def main(name, body, limit_s=200):
    """Runs body(run) and ends the process."""
    run = Run(name)
    asyncio.run(_body(run, body, limit_s))
    print(f"{name}: {run.passed} steps passed, {run.failed} failed; "
          f"artifacts in {run.artifacts}", flush=True)
    # Threads of peers that hang must not keep the process alive.
    os._exit(0 if run.passed and not run.failed else 1)
