"""A homeserver, hearth, users, and a room with the bot in it."""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.parse
import urllib.request

from run import ROOT, Wrong, check, same, until

sys.path.insert(0, str(ROOT / "deploy" / "demo"))
import homeserver  # noqa: E402


def _free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def _end(child, timeout_s=5):
    """SIGTERM, then SIGKILL; the exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            await asyncio.to_thread(child.wait, timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            await asyncio.to_thread(child.wait)
    return child.returncode


class Scene:
    """Everything of it is on loopback and gone after the run."""

    def __init__(self, run, names):
        self.run, self.names = run, names
        self.users = {}

    async def homeserver(self):
        home = self.run.scratch / "synapse"
        await asyncio.to_thread(homeserver.venv, True)
        self.url = await asyncio.to_thread(
            homeserver.init, home, _free_port(socket.SOCK_STREAM),
            "hearth.test")
        with open(self.run.artifacts / "synapse.out", "wb") as out:
            child = subprocess.Popen(homeserver.command(home), cwd=home,
                                     stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT)
        self.run.cleanup(lambda: _end(child))
        await asyncio.to_thread(homeserver.wait, home, child)
        for name in ("hearth", *self.names):
            password = secrets.token_urlsafe(9)
            self.users[name] = await asyncio.to_thread(
                homeserver.register, home, name, password)
            self.users[name]["password"] = password

    async def hearth(self):
        program = os.environ.get("HEARTH_BIN") or str(
            ROOT / "build/ci/sfu/hearth")
        check(os.access(program, os.X_OK), "hearth was not built")
        http = _free_port(socket.SOCK_STREAM)
        scratch = self.run.scratch
        (scratch / "state").mkdir(mode=0o700)
        password = scratch / "bot.password"
        password.touch(mode=0o600)
        password.write_text(self.users["hearth"]["password"] + "\n")
        config = scratch / "hearth.yaml"
        config.touch(mode=0o600)
        config.write_text(f"""matrix:
  homeserver: {self.url}
  user: "{self.users['hearth']['user_id']}"
  password_file: {json.dumps(str(password))}
media:
  port: {_free_port(socket.SOCK_DGRAM)}
  listen: ["127.0.0.1"]
  advertise: ["127.0.0.1"]
http:
  listen: 127.0.0.1
  port: {http}
  web_root: ""
log:
  level: debug
  pii: true
state_dir: {json.dumps(str(scratch / "state"))}
""")
        self.log = self.run.artifacts / "hearth.log"
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen([program, "--config", config],
                                          stdin=subprocess.DEVNULL,
                                          stdout=out,
                                          stderr=subprocess.STDOUT)
        self.run.cleanup(lambda: _end(self.child))
        await until("hearth is ready", lambda: self._ready(http))

    def _ready(self, port):
        if self.child.poll() is not None:
            raise RuntimeError(f"hearth ended: {self.child.returncode}\n"
                               + self.log.read_text())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{port}/readyz",
                             timeout=2) as reply:
                return reply.status == 200
        except OSError as error:
            raise Wrong(str(error)) from error

    async def ask(self, name, method, path, body=None):
        """One Client-Server call as that user."""
        status, reply = await asyncio.to_thread(
            homeserver.call, method,
            f"{self.url}/_matrix/client/v3/{path}", body,
            self.users[name]["access_token"])
        check(status == 200, f"{method} {path}: {status} {reply}")
        return reply

    async def room(self):
        """A room of all users, with the bot in it."""
        owner, *others = self.names
        bot = self.users["hearth"]["user_id"]
        invite = [bot] + [self.users[n]["user_id"] for n in others]
        made = await self.ask(owner, "POST", "createRoom", {
            "preset": "private_chat", "invite": invite})
        where = urllib.parse.quote(made["room_id"], safe="")
        for name in others:
            await self.ask(name, "POST", f"join/{where}", {})
        path = f"rooms/{where}/joined_members"
        for _ in range(100):
            if bot in (await self.ask(owner, "GET", path))["joined"]:
                return made["room_id"]
            await asyncio.sleep(0.1)
        raise Wrong("the bot did not join the room")

    async def stop_hearth(self):
        """Politely, and it has to end well."""
        same(await _end(self.child), 0, "hearth's exit code")
