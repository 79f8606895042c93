"""Answers of REST v2, good and bad."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.emulators.server import Reply

NO_CAPACITY = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)
MOST_BYTES = 102_400
_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
    422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - an answer
    """Ends the handling of a request with a problem."""

    def __init__(
        self, status: int, detail: str, errors: list[str] | None = None, **headers: str
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def reply(self) -> Reply:
        """As ``application/problem+json``."""
        title = _TITLES.get(self.status, "Error")
        content: dict[str, Any] = {"title": title, "status": self.status, "detail": self.detail}
        if self.errors:
            content["errors"] = self.errors
        return _reply(self.status, content, "application/problem+json", self.headers)


def good(content: object, status: int = 200, **headers: str) -> Reply:
    """JSON; 204 is empty."""
    if status == 204:
        return Reply(204, b"", _with_id(headers))
    return _reply(status, content, "application/json", headers)


def too_large(body: bytes) -> bool:
    """Whether a request is larger than the API takes."""
    return len(body) > MOST_BYTES


def _reply(status: int, content: object, kind: str, headers: dict[str, str]) -> Reply:
    return Reply(status, json.dumps(content).encode(), _with_id(headers) | {"Content-Type": kind})


def _with_id(headers: dict[str, str]) -> dict[str, str]:
    return headers | {"x-request-id": secrets.token_hex(8)}
