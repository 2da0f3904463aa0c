"""As much of a Matrix client as a call needs: send into a room, and /sync."""

import asyncio
import itertools
import json
import urllib.error
import urllib.parse
import urllib.request

SYNC_MS = 10000
# Calls are all that matters here.
FILTER = json.dumps({
    "presence": {"types": []}, "account_data": {"types": []},
    "room": {"ephemeral": {"types": []}, "state": {"types": []},
             "timeline": {"limit": 100, "types": ["m.call.*", "m.room.*",
                                                  "org.matrix.call.*"]}},
})


class Client:
    """One device of one user. Events go to the handlers in `on_event`:
    handler(room_id, event)."""

    def __init__(self, url, account):
        self.base = f"{url}/_matrix/client/v3/"
        self.user_id = account["user_id"]
        self.token = account["access_token"]
        self.on_event = []
        self.txn = itertools.count()
        self.task = None
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}))

    def _request(self, method, path, body, timeout_s):
        request = urllib.request.Request(
            self.base + path, method=method,
            headers={"Authorization": f"Bearer {self.token}",
                     "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        with self.opener.open(request, timeout=timeout_s) as reply:
            return json.load(reply)

    async def request(self, method, path, body=None, timeout_s=20):
        return await asyncio.to_thread(self._request, method, path, body,
                                       timeout_s)

    async def send(self, room_id, kind, content):
        room = urllib.parse.quote(room_id, safe="")
        return await self.request(
            "PUT", f"rooms/{room}/send/{kind}/interop{next(self.txn)}",
            content)

    async def start(self):
        """From now on; nothing of the past is told."""
        first = await self._sync(None, 0)
        self.task = asyncio.ensure_future(self._loop(first["next_batch"]))

    async def stop(self):
        if self.task:
            self.task.cancel()

    def _sync(self, since, wait_ms):
        query = {"timeout": wait_ms, "filter": FILTER}
        if since:
            query["since"] = since
        return self.request("GET", "sync?" + urllib.parse.urlencode(query),
                            timeout_s=wait_ms / 1000 + 20)

    async def _loop(self, since):
        while True:
            try:
                reply = await self._sync(since, SYNC_MS)
            except (OSError, ValueError):
                # The homeserver goes down before its clients at the end.
                await asyncio.sleep(0.5)
                continue
            since = reply["next_batch"]
            for room_id, room in reply.get("rooms", {}).get(
                    "join", {}).items():
                for event in room["timeline"]["events"]:
                    for handler in self.on_event:
                        handler(room_id, event)
