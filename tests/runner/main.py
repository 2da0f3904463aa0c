"""tests/run, once the Debian packages are there."""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import kinds  # noqa: E402
from jobs import Runner, end_on_signals  # noqa: E402

KINDS = ("lint", "unit", "sim", "fuzz", "interop", "e2e")
BUDGET_S = 38 * 60
FUZZ_EACH_S, FUZZ_ALL_S, PARALLEL = 20, 240, 2


class Tests:
    """One run: builds at need, and once."""

    def __init__(self, runner, name):
        self.runner = runner
        self.name = name
        self.built = {}

    def build(self, preset):
        if preset not in self.built:
            self.built[preset] = kinds.build(self.runner, preset)

    def go(self, jobs, parallel, kind):
        chosen = [j for j in jobs if self.name in j.name]
        if self.name and not chosen:
            chosen = [kinds.missing(kind, self.name,
                                    "no test has this in its name; there "
                                    "are: " + " ".join(j.name for j in jobs))]
        self.runner.run(chosen, parallel)

    def kind(self, kind, preset):
        if kind == "lint":
            self.go(kinds.lint(), PARALLEL, kind)
        elif kind == "fuzz":
            self.build("fuzz")
            self.go(kinds.fuzz(FUZZ_EACH_S, FUZZ_ALL_S, PARALLEL), PARALLEL,
                    kind)
        else:
            self.build(preset)
            if kind in ("unit", "sim"):
                self.go(getattr(kinds, kind)(preset), PARALLEL, kind)
            else:
                # Browsers fill the machine: one after the other.
                self.go(getattr(kinds, kind)(), 1, kind)


def main():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--preset", default="ci")
    parser.add_argument("kind", nargs="?", choices=KINDS)
    parser.add_argument("name", nargs="?", default="")
    args = parser.parse_args()
    logs = kinds.ROOT / "build" / "test-logs"
    for kind in [args.kind] if args.kind else [*KINDS, "unit-asan",
                                               "sim-asan"]:
        shutil.rmtree(logs / kind, ignore_errors=True)
    end_on_signals()
    runner = Runner(logs, BUDGET_S)
    tests = Tests(runner, args.name)
    if args.kind:
        tests.kind(args.kind, args.preset)
    else:
        for kind in ("lint", "unit", "sim"):
            tests.kind(kind, "ci")
        for kind in ("unit", "sim"):
            tests.kind(kind, "asan")
        for kind in ("interop", "e2e", "fuzz"):
            tests.kind(kind, "ci")
    for title in runner.failed:
        print(f"failed: {title}")
    print(f"{runner.passed} passed, {len(runner.failed)} failed")
    return 1 if runner.failed or not runner.passed else 0


if __name__ == "__main__":
    sys.exit(main())
