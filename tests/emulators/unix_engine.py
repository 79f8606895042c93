"""Something that listens on a Unix socket and answers HTTP as an engine of another time would."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING, Any

from tests.emulators.served import Served

if TYPE_CHECKING:
    from pathlib import Path


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class UnixEngine(Served):
    """Answers ``GET`` by the end of the path while its ``with`` block lasts; else 404."""

    def __init__(self, path: Path, answers: dict[str, Any], status: int = 200) -> None:
        self.requests: list[str] = []
        super().__init__(_Server(str(path), self._handler(answers, status)))
        self._path = path

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._path.unlink()

    def _handler(
        engine: UnixEngine,  # noqa: N805
        answers: dict[str, Any],
        status: int,
    ) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                engine.requests.append(self.path)
                found = next((answers[end] for end in answers if self.path.endswith(end)), None)
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(404 if found is None else status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "a socket"

            def log_message(self, *arguments: object) -> None:
                """The test's output is for the test."""

        return Handler
