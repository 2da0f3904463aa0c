"""Builds hearth and its web client; nothing to do costs next to no time."""

import os
from pathlib import Path

import state
import work
from state import ROOT, Failure

LOGS = ROOT / "build" / "logs"


def jobs():
    return str(len(os.sched_getaffinity(0)))


def hearth(directory, preset="release", options=()):
    """Configures and builds the program; returns where it is."""
    directory = ROOT / "build" / directory
    configure = ["cmake", "--preset", preset, "-B", directory, *options]
    work.step("configuring", configure, LOGS / "configure.log",
              "If a package is missing: deploy/setup run", cwd=ROOT,
              quiet=True)
    work.step("building hearth",
              ["cmake", "--build", directory, "--target", "hearth",
               "-j", jobs()],
              LOGS / "build.log", "Please report this, with the log.",
              cwd=ROOT)
    return program(directory)


def program(directory):
    """The program in a build directory."""
    for place in ("sfu/hearth", "hearth", "bin/hearth"):
        if os.access(Path(directory) / place, os.X_OK):
            return Path(directory) / place
    raise Failure(f"there is no hearth in {directory} after its build")


def npm_install(directory, quiet=False):
    """node_modules as the lock file says; again only when that changed."""
    directory = Path(directory)
    want = state.tree_hash(directory / "package-lock.json")
    stamp = directory / "node_modules" / ".hearth-stamp"
    if stamp.is_file() and stamp.read_text() == want:
        return
    work.step(f"installing the npm packages of {directory.name}/",
              ["npm", "ci", "--no-audit", "--no-fund",
               "--loglevel=error"],
              LOGS / f"npm-{directory.name}.log",
              "Is the network there? Then run the same command again.",
              cwd=directory, quiet=quiet)
    stamp.write_text(want)


def web():
    """The web client; returns the directory to serve."""
    source, out = ROOT / "web", ROOT / "web" / "dist"
    stamp = ROOT / "build" / "web.stamp"
    want = state.tree_hash(source)
    if (stamp.is_file() and stamp.read_text() == want
            and (out / "index.html").is_file()):
        return out
    work.step("building the web client", [source / "build"],
              LOGS / "web.log",
              "If it could not fetch packages, is the network there? Then "
              "run the same command again.", cwd=source)
    if not (out / "index.html").is_file():
        raise Failure("the web client's build left no web/dist/index.html")
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(want)
    return out
