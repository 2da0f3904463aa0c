"""What there is to test, kind by kind. Each function returns jobs, for missing
parts too: those fail."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from jobs import Job

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
sys.path.insert(0, str(ROOT / "deploy" / "demo"))
import builds  # noqa: E402
import homeserver  # noqa: E402
import state  # noqa: E402
import work  # noqa: E402
from state import Failure  # noqa: E402

UNIT_FOLDERS = ("ice", "dtls", "rtp", "feed", "sdp", "sfu", "edge", "edge_io",
                "http", "record", "studio", "matrix-bot", "net")
E2E = {"first_call": 800, "sdk_call": 600, "recording": 600, "hooks": 400,
       "recording_faults": 900, "quality": 400, "sizes": 400,
       "svc": 600, "simulcast": 300, "temporal": 400}
INTEROP = ("aiortc", "gstreamer")
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:"
                    "detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def missing(kind, name, why):
    return Job(kind, name, None, why=why)


def build(runner, preset):
    """Configures and builds everything of a preset; what does not compile
    fails, what does can be run all the same."""
    log = runner.logs / "build" / f"{preset}.log"
    directory = ROOT / "build" / preset
    title = f"build/{preset}"
    try:
        with state.lock(f"{state.clone().name}-build"):
            work.step(f"configuring {preset}", ["cmake", "--preset", preset],
                      log, "cmake --preset " + preset, cwd=ROOT)
            seconds = work.step(
                f"building {preset}",
                ["cmake", "--build", directory, "-j", builds.jobs(), "--",
                 "-k", "0"], log, "", cwd=ROOT)
    except Failure as failure:
        runner.record(title, False, said=str(failure))
        return False
    runner.record(title, True, seconds)
    return True


def _ctest(kind, preset):
    """The tests that CMake knows under the label `kind`."""
    directory = ROOT / "build" / preset
    found = subprocess.run(
        ["ctest", "--test-dir", directory, "--show-only=json-v1", "-L",
         f"^{kind}$"], capture_output=True, text=True, check=False)
    try:
        listed = json.loads(found.stdout)["tests"]
    except (ValueError, KeyError):
        return [missing(kind, "list", f"ctest lists nothing in {directory}: "
                        f"{found.stderr.strip()}")]
    shown = kind if preset in ("ci", "fuzz") else f"{kind}-{preset}"
    return [_from_ctest(shown, kind, test) for test in listed]


def _from_ctest(shown, kind, test):
    properties = {p["name"]: p["value"] for p in test.get("properties", [])}
    name = test["name"].removeprefix(f"{kind}_")
    command = test.get("command")
    if not command or not shutil.which(command[0]):
        return missing(shown, name, "its program was not built")
    environment = dict(pair.split("=", 1) for pair in
                       properties.get("ENVIRONMENT", []))
    return Job(shown, name, command, float(properties.get("TIMEOUT", 300)),
               {**SANITIZER_ENV, **environment},
               properties.get("WORKING_DIRECTORY"))


def unit(preset):
    found = _ctest("unit", preset)
    if preset != "ci":
        return found
    for folder in UNIT_FOLDERS:
        if not any((TESTS / "unit" / folder).glob("*_test.c")):
            found.append(missing("unit", folder,
                                 f"tests/unit/{folder} has no tests"))
    return found + [_web(), _e2e_lib()]


def _e2e_lib():
    """What the end-to-end tests reckon with, without browsers."""
    scripts = sorted((TESTS / "e2e" / "test").glob("*.test.js"))
    if not scripts:
        return missing("unit", "e2e_lib", "tests/e2e/test has no tests")
    return Job("unit", "e2e_lib", ["node", "--test", *scripts], 120)


def _web():
    """The web client's own tests."""
    web = ROOT / "web"
    if not (web / "package-lock.json").is_file():
        return missing("unit", "web", "there is no web/package-lock.json")
    try:
        builds.npm_install(web)
    except Failure as failure:
        return missing("unit", "web", str(failure))
    shutil.copy(web / "package-lock.json",
                web / "node_modules" / ".hearth-lock")
    return Job("unit", "web", ["npm", "test"], 300, cwd=str(web))


def sim(preset):
    found = _ctest("sim", preset)
    if not found:
        found.append(missing("sim", "all", "no test has the label `sim`"))
    return found


def fuzz(smoke_s, total_s, parallel):
    """Each target for a short while on its corpus and what earlier runs
    found."""
    sources = {p.stem.removesuffix("_fuzz")
               for p in (TESTS / "fuzz").rglob("*_fuzz.c")}
    built = {p.name.removeprefix("fuzz_"): p
             for p in (ROOT / "build" / "fuzz").rglob("fuzz_*")
             if p.is_file() and os.access(p, os.X_OK)}
    if not built:
        return [missing("fuzz", "all", "no fuzz target was built")]
    each = int(max(4, min(smoke_s, total_s * parallel / len(built))))
    found = [_fuzz_job(name, path, each) for name, path in
             sorted(built.items())]
    for stem in sorted(sources):
        # sfu_config comes from config_fuzz.c or sfu_config_fuzz.c.
        if not any(name == stem or name.endswith(f"_{stem}")
                   for name in built):
            found.append(missing("fuzz", stem,
                                 f"{stem}_fuzz.c was not built"))
    return found


def _fuzz_job(name, path, seconds):
    grown = ROOT / "build" / "fuzz-corpus" / name
    grown.mkdir(parents=True, exist_ok=True)
    crashes = ROOT / "build" / "test-logs" / "fuzz-crashes"
    crashes.mkdir(parents=True, exist_ok=True)
    seeds = TESTS / "fuzz" / "corpus" / name
    argv = [path, f"-max_total_time={seconds}", "-timeout=10",
            "-rss_limit_mb=2048", "-print_final_stats=1",
            f"-artifact_prefix={crashes}/{name}-", grown]
    if seeds.is_dir():
        argv.append(seeds)
    return Job("fuzz", name, argv, seconds + 60, dict(SANITIZER_ENV))


def _interop_venv():
    """aiortc and whatever else requirements.txt names, beside Debian's
    GStreamer bindings."""
    wanted = TESTS / "interop" / "requirements.txt"
    path = state.base() / "interop"
    stamp = path / "ready"
    content = wanted.read_text() + sys.version
    with state.lock("interop"):
        if stamp.is_file() and stamp.read_text() == content:
            return path / "bin" / "python"
        shutil.rmtree(path, ignore_errors=True)
        log = ROOT / "build" / "test-logs" / "interop-install.log"
        python = "/usr/bin/python3"  # the one python3-gi is made for
        work.step("making a virtual environment for interop",
                  [python if os.path.exists(python) else sys.executable,
                   "-m", "venv", "--system-site-packages", path], log,
                  "On Debian: apt-get install python3-venv")
        work.step("installing the interop peers",
                  [path / "bin/python", "-m", "pip", "install",
                   "--disable-pip-version-check", "-r", wanted], log,
                  "Is the network there? Then run it again.")
        stamp.write_text(content)
    return path / "bin" / "python"


def interop():
    folder = TESTS / "interop"
    found = _ctest("interop", "ci")
    scripts = sorted([*folder.glob("*_call.py"), *folder.glob("*_call.mjs")])
    env = {"HEARTH_BIN": hearth_bin()}
    try:
        python = _interop_venv() if (folder / "requirements.txt").is_file() \
            else sys.executable
        homeserver.venv()
        # Such scripts stand on the harness of e2e.
        if any(s.suffix == ".mjs" for s in scripts):
            builds.npm_install(TESTS / "e2e")
    except Failure as failure:
        return [missing("interop", "install", str(failure))]
    env["HEARTH_PYTHON"] = str(python)
    for script in scripts:
        runs = "node" if script.suffix == ".mjs" else python
        name = script.stem.removesuffix("_call")
        found.append(Job("interop", name, [runs, script], 240, env))
    found.append(_sdp_browsers(folder))
    for name in INTEROP:
        if not any(name in job.name for job in found):
            found.append(missing("interop", name,
                                 f"tests/interop has no call by {name}"))
    return found


def _sdp_browsers(folder):
    """Do real browsers take the SDP that sfu/sdp prints?"""
    peer = next((ROOT / "build" / "ci").rglob("sdp_peer"), None)
    script = folder / "sdp_browsers.mjs"
    if peer is None or not script.is_file():
        return missing("interop", "sdp_browsers",
                       "sdp_peer or sdp_browsers.mjs is not there")
    try:
        builds.npm_install(TESTS / "e2e")
    except Failure as failure:
        return missing("interop", "sdp_browsers", str(failure))
    return Job("interop", "sdp_browsers", ["node", script, peer], 240,
               cwd=str(TESTS / "e2e"))


def hearth_bin():
    try:
        return str(builds.program(ROOT / "build" / "ci"))
    except Failure:
        return ""


def e2e():
    program = hearth_bin()
    if not program:
        return [missing("e2e", name, "hearth was not built")
                for name in E2E]
    try:
        builds.npm_install(TESTS / "e2e")
        builds.web()
        homeserver.venv()
    except Failure as failure:
        return [missing("e2e", name, str(failure)) for name in E2E]
    return [Job("e2e", name, ["node", TESTS / "e2e" / f"{name}.mjs"],
                seconds, {"HEARTH_BIN": program})
            for name, seconds in E2E.items()]


def lint():
    scripts = sorted((TESTS / "lint").glob("*.py"))
    found = [Job("lint", p.stem, [sys.executable, p], 300, cwd=str(ROOT))
             for p in scripts if not p.stem.startswith("_")]
    for name in ("floors", "banned", "format", "tree", "scripts"):
        if not (TESTS / "lint" / f"{name}.py").is_file():
            found.append(missing("lint", name, "there is no such lint"))
    return found
