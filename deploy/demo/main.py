"""What deploy/quickstart does once the Debian packages are there."""

import json
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import builds  # noqa: E402
import homeserver  # noqa: E402
import process  # noqa: E402
import state  # noqa: E402
from state import ROOT, Failure  # noqa: E402

PEOPLE = ("alice", "bob", "carol")
BOT = "hearth"
READY_S = 60


class Demo:
    """The running demo of this clone and its directory."""

    def __init__(self):
        self.dir = state.clone() / "demo"
        self.dir.mkdir(mode=0o700, exist_ok=True)
        self.synapse_dir = self.dir / "synapse"
        self.synapse_pid = self.dir / "synapse.pid"
        self.hearth_pid = self.dir / "hearth.pid"
        self.hearth_log = self.dir / "hearth.log"
        self.config = self.dir / "hearth.yaml"
        self.facts_path = self.dir / "demo.json"
        self.facts = {}
        if self.facts_path.is_file():
            self.facts = json.loads(self.facts_path.read_text())

    def save(self):
        self.facts_path.touch(mode=0o600)
        self.facts_path.write_text(json.dumps(self.facts, indent=1))


def choose_ports(demo):
    """The ports of last time if nobody took them since; a server of ours
    that runs keeps its own."""
    old = demo.facts.get("ports", {})
    ports = {}
    if process.alive(demo.synapse_pid) and "synapse" in old:
        ports["synapse"] = old["synapse"]
    else:
        ports["synapse"] = state.pick_port(old.get("synapse", 8008))
    if process.alive(demo.hearth_pid) and "http" in old:
        ports["http"], ports["media"] = old["http"], old["media"]
    else:
        ports["http"] = state.pick_port(old.get("http", 8080),
                                        taken=(ports["synapse"],))
        ports["media"] = state.pick_port(old.get("media", 7882),
                                         socket.SOCK_DGRAM)
    demo.facts["ports"] = ports


def start_homeserver(demo):
    homeserver.venv()
    if not process.alive(demo.synapse_pid):
        print("starting the homeserver", flush=True)
        homeserver.init(demo.synapse_dir, demo.facts["ports"]["synapse"])
        child = process.start(
            homeserver.command(demo.synapse_dir), demo.synapse_pid,
            demo.synapse_dir / "synapse.out", cwd=demo.synapse_dir)
        homeserver.wait(demo.synapse_dir, child)
    else:
        homeserver.wait(demo.synapse_dir)
    demo.home = homeserver.url(demo.synapse_dir)


def make_users(demo):
    users = demo.facts.setdefault("users", {})
    for name in (BOT, *PEOPLE):
        if name in users:
            continue
        password = secrets.token_urlsafe(12)
        reply = homeserver.register(demo.synapse_dir, name, password)
        users[name] = {"password": password, "id": reply["user_id"],
                       "token": reply["access_token"]}
        demo.save()


def ask(demo, who, method, path, body=None):
    """A Client-Server call as one of the demo's users."""
    status, reply = homeserver.call(
        method, f"{demo.home}/_matrix/client/v3/{path}", body,
        demo.facts["users"][who]["token"])
    if status != 200:
        raise Failure(f"{method} {path} as {who}: {status} {reply}")
    return reply


def make_room(demo):
    """A room with the three people in it and the bot invited, also again
    after it left."""
    users = demo.facts["users"]
    if "room" not in demo.facts:
        reply = ask(demo, "alice", "POST", "createRoom", {
            "name": "Hearth demo", "preset": "private_chat",
            "invite": [users[p]["id"] for p in PEOPLE[1:]]})
        demo.facts["room"] = reply["room_id"]
        demo.save()
    room = urllib.parse.quote(demo.facts["room"], safe="")
    members = {m["state_key"]: m["content"].get("membership")
               for m in ask(demo, "alice", "GET",
                            f"rooms/{room}/members")["chunk"]}
    for name in PEOPLE[1:]:
        if members.get(users[name]["id"]) == "invite":
            ask(demo, name, "POST", f"join/{room}", {})
    if members.get(users[BOT]["id"]) not in ("invite", "join"):
        ask(demo, "alice", "POST", f"rooms/{room}/invite",
            {"user_id": users[BOT]["id"]})


def write_config(demo, web_root):
    """hearth.yaml; True if it differs from the last one. Every string is
    JSON, which is YAML too and quotes whatever a path may hold."""
    ports = demo.facts["ports"]
    password = demo.dir / "bot.password"
    password.touch(mode=0o600)
    password.write_text(demo.facts["users"][BOT]["password"] + "\n")
    (demo.dir / "hearth").mkdir(mode=0o700, exist_ok=True)
    page = f"http://127.0.0.1:{ports['http']}/"
    # Firefox pairs no candidate of its own with a 127.0.0.1 of the other
    # side, so that media needs the machine's own address as well.
    media = [a for a in (state.own_address(), "127.0.0.1") if a]
    text = f"""# Written by deploy/quickstart.
matrix:
  homeserver: {json.dumps(demo.home)}
  user: {json.dumps(demo.facts["users"][BOT]["id"])}
  password_file: {json.dumps(str(password))}
  join_url: {json.dumps(page)}
media:
  port: {ports["media"]}
  listen: {json.dumps(media)}
  advertise: {json.dumps(media)}
  workers: 1
http:
  listen: "127.0.0.1"
  port: {ports["http"]}
  web_root: {json.dumps(str(web_root))}
state_dir: {json.dumps(str(demo.dir / "hearth"))}
"""
    if demo.config.is_file() and demo.config.read_text() == text:
        return False
    demo.config.touch(mode=0o600)
    demo.config.write_text(text)
    return True


def start_hearth(demo, program, config_changed):
    """Starts it, or starts it again when the program or the configuration
    is another one by now."""
    built = f"{program.stat().st_mtime_ns}"
    if process.alive(demo.hearth_pid) and (
            config_changed or demo.facts.get("built") != built):
        process.stop(demo.hearth_pid)
    child = None
    if not process.alive(demo.hearth_pid):
        print("starting hearth", flush=True)
        child = process.start([program, "--config", demo.config],
                              demo.hearth_pid, demo.hearth_log,
                              cwd=demo.dir)
        demo.facts["built"] = built
        demo.save()
    wait_ready(demo, child)


def wait_ready(demo, child):
    page = f"http://127.0.0.1:{demo.facts['ports']['http']}"
    end, said = time.monotonic() + READY_S, "no answer"
    while time.monotonic() < end:
        try:
            status, _ = homeserver.call("GET", page + "/readyz", timeout_s=2)
            if status == 200:
                return
            said = f"status {status}"
        except ValueError:  # 200 with a body that is no JSON
            return
        except OSError as error:
            said = str(error)
        gone = child.poll() if child else None
        if gone is not None:
            raise Failure(f"hearth ended with exit code {gone}:\n"
                          f"{process.tail(demo.hearth_log)}\n"
                          f"Its log: {demo.hearth_log}")
        time.sleep(0.1)
    raise Failure(f"hearth is not ready after {READY_S} s ({said}):\n"
                  f"{process.tail(demo.hearth_log)}\n"
                  f"Its log: {demo.hearth_log}")


def links(demo):
    page = f"http://127.0.0.1:{demo.facts['ports']['http']}/"
    room = urllib.parse.quote(demo.facts["room"], safe="")
    return {name: f"{page}#/room/{room}?user={name}&password="
            + urllib.parse.quote(demo.facts["users"][name]["password"])
            for name in PEOPLE}


def up(demo):
    program = builds.hearth("quickstart", "release",
                            ("-DHEARTH_TESTS=OFF", "-DHEARTH_BENCH=OFF"))
    web_root = builds.web()
    choose_ports(demo)
    start_homeserver(demo)
    make_users(demo)
    changed = write_config(demo, web_root)
    make_room(demo)
    start_hearth(demo, program, changed)
    demo.save()


def tell(demo):
    print("\nhearth is up. Open each of these in a browser window of its own"
          " (a private window is enough):")
    for name, link in links(demo).items():
        print(f"  {name:6} {link}")
    print(f"Log: {demo.hearth_log}\n"
          f"Stop and remove it: {ROOT / 'deploy/quickstart'} --down")


def check(demo):
    """A call by three browsers, in the demo's own room."""
    e2e = ROOT / "tests" / "e2e"
    builds.npm_install(e2e)
    artifacts = ROOT / "build" / "test-logs" / "check"
    artifacts.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, HEARTH_ARTIFACTS=str(artifacts),
                       HEARTH_LINKS=json.dumps(links(demo)))
    print("checking with two Chromium and one Firefox", flush=True)
    sys.stdout.flush()
    return os.spawnvpe(os.P_WAIT, "node",
                       ["node", str(e2e / "check.mjs")], environment)


def down(demo):
    stopped = [what for what, pid in (("hearth", demo.hearth_pid),
                                      ("the homeserver", demo.synapse_pid))
               if process.stop(pid)]
    shutil.rmtree(demo.dir)
    print(f"stopped {' and '.join(stopped) or 'nothing (none ran)'}; "
          f"removed {demo.dir}")


def main(argv):
    started = time.monotonic()
    demo = Demo()
    # Two starts of the same clone at once would tread on each other.
    with state.lock(state.clone().name):
        if argv == ["--down"]:
            down(demo)
            return 0
        demo = Demo()
        up(demo)
    if argv == ["--check"]:
        code = check(demo)
        print("check passed" if code == 0 else "check FAILED",
              f"({time.monotonic() - started:.0f} s)")
        return 0 if code == 0 else 1
    tell(demo)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
