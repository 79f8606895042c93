"""The list of pods of Runpod's REST API v2, with the refusals its documentation names."""

from __future__ import annotations

import json

from tests.emulators.server import Emulator, Reply, Request

_LIBRARIES = ("python-", "python/", "urllib", "httpx", "requests", "aiohttp", "curl")


class RunpodApi(Emulator):
    """Knows keys and how many pods each account has; ``restricted`` keys may not see them."""

    def __init__(self, keys: dict[str, int], restricted: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.keys = keys
        self.restricted = restricted

    def answer(self, request: Request) -> Reply:
        agent = request.headers.get("user-agent", "").lower()
        if not agent or agent.startswith(_LIBRARIES):
            return Reply(403, b"error code: 1010", {"Content-Type": "text/plain"})
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key in self.restricted:
            return _problem(403, "Forbidden", "The key lacks the permission pods:read.")
        if key not in self.keys:
            return _problem(401, "Unauthorized", "The API key is invalid.")
        if request.method != "GET" or request.target != "/v2/pods":
            return _problem(404, "Not Found", "No such resource.")
        pods = [{"id": f"pod{number}"} for number in range(self.keys[key])]
        return _json(200, {"pods": pods}, "application/json")


def _problem(status: int, title: str, detail: str) -> Reply:
    content = {"title": title, "status": status, "detail": detail}
    return _json(status, content, "application/problem+json")


def _json(status: int, content: object, kind: str) -> Reply:
    return Reply(status, json.dumps(content).encode(), {"Content-Type": kind})
