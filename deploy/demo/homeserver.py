#!/usr/bin/env python3
"""A Synapse on loopback with SQLite, for the demo and for the tests.

    homeserver.py venv                    make the virtual environment, print it
    homeserver.py init DIR PORT [NAME]    write a configuration
    homeserver.py run DIR                 be the server, in the foreground
    homeserver.py register DIR NAME...    make users NAME=PASSWORD, print JSON

Nothing of it is fit for the open network: registration and rate limits are
wide open.
"""

import hashlib
import hmac
import json
import os
import secrets
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import process  # noqa: E402
import state  # noqa: E402
import work  # noqa: E402
from state import Failure  # noqa: E402


def venv_path():
    """One for each Python: none is torn down under a server that runs."""
    key = hashlib.sha256(f"{sys.version} {sys.base_prefix}".encode())
    return state.base() / f"synapse-{key.hexdigest()[:8]}"


def venv(quiet=False):
    """The directory of the virtual environment with Synapse; made once for
    all clones of a user."""
    path = venv_path()
    stamp = path / "ready"
    with state.lock("synapse"):
        if stamp.is_file():
            return path
        shutil.rmtree(path, ignore_errors=True)
        log = state.base() / "synapse-install.log"
        advice = ("Is the network there, and does `pip download "
                  "matrix-synapse` work? Then run the same command again.")
        work.step("making a virtual environment for Synapse",
                  [sys.executable, "-m", "venv", path], log,
                  "On Debian: apt-get install python3-venv", quiet=quiet)
        work.step("installing Synapse into it (a minute or two)",
                  [path / "bin/python", "-m", "pip", "install",
                   "--disable-pip-version-check", "matrix-synapse"],
                  log, advice, quiet=quiet)
        stamp.write_text(sys.version)
    return path


def _limits():
    wide = {"per_second": 100000, "burst_count": 100000}
    return {
        "rc_message": wide, "rc_registration": wide, "rc_room_creation": wide,
        "rc_login": {"address": wide, "account": wide,
                     "failed_attempts": wide},
        "rc_joins": {"local": wide},
        "rc_invites": {"per_room": wide, "per_user": wide,
                       "per_issuer": wide},
    }


def _settings(directory, port, name):
    return {
        "server_name": name,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "report_stats": False,
        "listeners": [{
            "port": port, "bind_addresses": ["127.0.0.1"], "type": "http",
            "tls": False, "x_forwarded": False,
            "resources": [{"names": ["client"], "compress": False}]}],
        "database": {"name": "sqlite3",
                     "args": {"database": str(directory / "hs.db")}},
        "log_config": str(directory / "log.json"),
        "media_store_path": str(directory / "media"),
        "pid_file": str(directory / "hs.pid"),
        "signing_key_path": str(directory / "signing.key"),
        "registration_shared_secret": secrets.token_urlsafe(24),
        "macaroon_secret_key": secrets.token_urlsafe(24),
        "form_secret": secrets.token_urlsafe(24),
        "enable_registration": False,
        "suppress_key_server_warning": True,
        "trusted_key_servers": [],
        "presence": {"enabled": False},
        "url_preview_enabled": False,
        **_limits(),
    }


def _logging(directory):
    return {
        "version": 1,
        "formatters": {"line": {"format":
                       "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler",
                              "filename": str(directory / "synapse.log"),
                              "formatter": "line", "encoding": "utf-8"}},
        "root": {"level": "WARNING", "handlers": ["file"]},
        "disable_existing_loggers": False,
    }


def _private(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def init(directory, port, name="localhost"):
    """Writes a configuration (JSON is YAML) unless there is one; the port
    may change from start to start, the secrets stay."""
    directory = Path(directory).absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "hs.json"
    new = _settings(directory, port, name)
    if path.exists():
        old = json.loads(path.read_text())
        for key in ("registration_shared_secret", "macaroon_secret_key",
                    "form_secret", "server_name"):
            new[key] = old[key]
    _private(path, json.dumps(new, indent=1))
    _private(directory / "log.json", json.dumps(_logging(directory)))
    if not (directory / "signing.key").exists():
        work.step("making the homeserver's keys",
                  command(directory) + ["--generate-keys"],
                  directory / "keygen.log",
                  "The virtual environment may be broken: "
                  f"rm -r {venv_path()}", cwd=directory,
                  quiet=True)
    return url(directory)


def command(directory):
    """The command line of the server."""
    return [str(venv_path() / "bin/python"), "-m",
            "synapse.app.homeserver", "--config-path",
            str(Path(directory).absolute() / "hs.json")]


def settings(directory):
    return json.loads((Path(directory) / "hs.json").read_text())


def url(directory):
    return f"http://127.0.0.1:{settings(directory)['listeners'][0]['port']}"


def call(method, address, body=None, token=None, timeout_s=30):
    """One Client-Server API call; (status, JSON)."""
    request = urllib.request.Request(address, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    # A proxy named in the environment has no business on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.load(error)
        except ValueError:
            return error.code, {}


def wait(directory, child=None, timeout_s=60):
    """Until it answers."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if call("GET", url(directory) + "/_matrix/client/versions",
                    timeout_s=2)[0] == 200:
                return
        except OSError:
            pass
        if child is not None and child.poll() is not None:
            break
        time.sleep(0.1)
    raise Failure("the homeserver did not come up:\n"
                  + process.tail(Path(directory) / "synapse.log") + "\n"
                  + process.tail(Path(directory) / "synapse.out"))


def register(directory, name, password):
    """Makes a user through the shared secret, or logs the existing one in."""
    home = url(directory)
    admin = home + "/_synapse/admin/v1/register"
    nonce = call("GET", admin)[1]["nonce"]
    secret = settings(directory)["registration_shared_secret"]
    text = "\0".join((nonce, name, password, "notadmin"))
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
    status, reply = call("POST", admin, {
        "nonce": nonce, "username": name, "password": password,
        "admin": False, "mac": mac})
    if status == 400 and reply.get("errcode") == "M_USER_IN_USE":
        return login(directory, name, password)
    if status != 200:
        raise Failure(f"the homeserver refuses to make {name}: {reply}")
    return reply


def login(directory, name, password):
    status, reply = call(
        "POST", url(directory) + "/_matrix/client/v3/login", {
            "type": "m.login.password", "password": password,
            "identifier": {"type": "m.id.user", "user": name}})
    if status != 200:
        raise Failure(f"the homeserver does not let {name} in: {reply}")
    return reply


def main(argv):
    verb, rest = (argv[0] if argv else ""), argv[1:]
    if verb == "venv":
        print(venv(quiet=True))
    elif verb == "init" and len(rest) >= 2:
        venv(quiet=True)
        print(init(rest[0], int(rest[1]), *rest[2:3]))
    elif verb == "run" and len(rest) == 1:
        line = command(rest[0])
        os.chdir(rest[0])
        os.execv(line[0], line)
    elif verb == "register" and len(rest) >= 2:
        made = {}
        for pair in rest[1:]:
            name, _, password = pair.partition("=")
            made[name] = register(rest[0], name, password)
        print(json.dumps(made))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)
