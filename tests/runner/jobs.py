"""Runs jobs: each one program with a time limit, its output in a file."""

import concurrent.futures
import os
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

TAIL_LINES = 40
GRACE_S = 25
ALL = f"HEARTH_TESTS={uuid.uuid4().hex}"  # what all jobs of this run bear
ending = threading.Event()  # who started the run ends it
running = set()


@dataclass
class Job:
    """One test. argv None: it cannot be run, and `why` says so."""
    kind: str
    name: str
    argv: list | None
    timeout_s: float = 300
    env: dict = field(default_factory=dict)
    cwd: str | None = None
    why: str = ""

    @property
    def title(self):
        return f"{self.kind}/{self.name}"


class Runner:
    """Counts what passed and failed, and says it as it happens."""

    def __init__(self, logs, budget_s):
        self.logs = Path(logs)
        self.end = time.monotonic() + budget_s
        self.passed, self.failed = 0, []
        self.lock = threading.Lock()

    def run(self, jobs, parallel=1):
        with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
            list(pool.map(self._one, jobs))

    def record(self, title, good, seconds=0.0, said=""):
        with self.lock:
            if good:
                self.passed += 1
            else:
                self.failed.append(title)
            print(f"{'ok  ' if good else 'FAIL'}  {title}"
                  f"  {seconds:.1f} s", flush=True)
            if not good and said:
                print("\n".join("      " + x for x in said.splitlines()),
                      flush=True)

    def _one(self, job):
        if ending.is_set():
            return
        if job.argv is None:
            self.record(job.title, False, said=job.why)
            return
        left = self.end - time.monotonic()
        if left < 1:
            self.record(job.title, False,
                        said="the time for all tests was used up")
            return
        log = self.logs / job.kind / f"{job.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        try:
            code, late = self._execute(job, log, min(job.timeout_s, left))
        except OSError as error:
            self.record(job.title, False, said=str(error))
            return
        said = ""
        if code != 0:
            said = _tail(log)
            if late:
                said += f"\nnot done within {min(job.timeout_s, left):.0f} s"
            elif code < 0:
                said += f"\nended by signal {signal.Signals(-code).name}"
            else:
                said += f"\nexit code {code}"
            said += f"\n{log}"
        self.record(job.title, code == 0, time.monotonic() - begin, said)

    @staticmethod
    def _execute(job, log, timeout_s):
        marker = f"HEARTH_TEST_RUN={uuid.uuid4().hex}"
        env = {**os.environ, **job.env}
        env.update([marker.split("="), ALL.split("=")])
        late = False
        with open(log, "wb") as out:
            child = subprocess.Popen(
                [str(a) for a in job.argv], stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, env=env, cwd=job.cwd,
                start_new_session=True)
            running.add(child)
            try:
                code = child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                late = True
                child.terminate()
                try:
                    child.wait(GRACE_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                code = child.wait() or 1
            running.discard(child)
        _reap(marker)
        return code, late


def end_on_signals():
    """Who ends the run ends its tests, and their browsers, too. Tests are
    asked first: a browser may hide its environment, and its test knows it."""
    def end(number, _frame):
        ending.set()
        for child in list(running):
            child.terminate()
        until = time.monotonic() + GRACE_S
        while running and time.monotonic() < until:
            time.sleep(0.1)
        _reap(ALL)
        os._exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def _reap(marker):
    """Ends what a test left behind: whatever has the mark of this very run
    in its environment (browsers make sessions of their own)."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if marker.encode() in (entry / "environ").read_bytes().split(
                    b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue


def _tail(log):
    lines = log.read_text(errors="replace").splitlines()
    failures = [x for x in lines[:-TAIL_LINES]
                if x.startswith(("FAIL", "[  FAILED", "not ok"))]
    return "\n".join(failures[:20] + lines[-TAIL_LINES:])
