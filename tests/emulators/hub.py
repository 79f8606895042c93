"""The part of the Hugging Face Hub that tells whose token it is, from its public API reference."""

from __future__ import annotations

import json

from tests.emulators.server import Emulator, Reply, Request


class Hub(Emulator):
    """Knows tokens and the names and roles behind them."""

    def __init__(self, tokens: dict[str, tuple[str, str]]) -> None:
        super().__init__()
        self.tokens = tokens

    def answer(self, request: Request) -> Reply:
        if request.target.split("?")[0] != "/api/whoami-v2":
            return _json(404, {"error": "Not found"})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return _json(401, {"error": "Invalid username or password."})
        name, role = self.tokens[token]
        access = {"displayName": "for tests", "role": role}
        return _json(
            200,
            {"type": "user", "id": "1", "name": name, "orgs": [],
             "auth": {"type": "access_token", "accessToken": access}},
        )  # fmt: skip


def _json(status: int, content: object) -> Reply:
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json"})
