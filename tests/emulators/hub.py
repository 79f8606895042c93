"""Parts of the Hugging Face Hub, from its public API reference: whose token it is, and whether it
opens a dataset.
"""

from __future__ import annotations

import json

from tests.emulators.server import Emulator, Reply, Request


class Hub(Emulator):
    """Knows tokens and the names and roles behind them, and datasets: public, private, gated."""

    def __init__(
        self,
        tokens: dict[str, tuple[str, str]],
        datasets: dict[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(host)
        self.tokens = tokens
        self.datasets = datasets or {}

    def answer(self, request: Request) -> Reply:
        path = request.target.split("?")[0]
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if path.startswith("/api/datasets/") and path.endswith("/auth-check"):
            return self._dataset(
                path.removeprefix("/api/datasets/").removesuffix("/auth-check"), token
            )
        if path != "/api/whoami-v2":
            return _json(404, {"error": "Not found"})
        if token not in self.tokens:
            return _json(401, {"error": "Invalid username or password."})
        name, role = self.tokens[token]
        access = {"displayName": "for tests", "role": role}
        return _json(
            200,
            {"type": "user", "id": "1", "name": name, "orgs": [],
             "auth": {"type": "access_token", "accessToken": access}},
        )  # fmt: skip

    def _dataset(self, repo: str, token: str) -> Reply:
        kind = self.datasets.get(repo, "")
        if kind == "public" or (kind == "private" and token in self.tokens):
            return _json(200, {})
        if kind == "gated":
            return _json(403, {"error": "Access is restricted."}, {"X-Error-Code": "GatedRepo"})
        return _json(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})


def _json(status: int, content: object, headers: dict[str, str] | None = None) -> Reply:
    given = {"Content-Type": "application/json"} | (headers or {})
    return Reply(status, json.dumps(content).encode(), given)
