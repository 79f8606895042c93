"""An HTTP proxy that answers for hosts of its own list, so that nothing leaves this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.emulators.server import Emulator, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping


class ForwardProxy(Emulator):
    """Hands requests for known hosts to their emulators; others are 502. ``password`` asks 407."""

    def __init__(self, hosts: Mapping[str, Emulator], *, wants_password: bool = False) -> None:
        super().__init__()
        self.hosts = hosts
        self.wants_password = wants_password

    def answer(self, request: Request) -> Reply | None:
        if self.wants_password and "proxy-authorization" not in request.headers:
            return Reply(407, b"", {"Proxy-Authenticate": "Basic"})
        parts = urlsplit(request.target)
        behind = self.hosts.get(parts.hostname or "")
        if behind is None or request.method == "CONNECT":
            return Reply(502, b"no such host here")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return behind.answer(Request(request.method, path, request.headers, request.body))
