"""A web server on a free port of this computer, from which the emulators are made.

Nothing here, or in any emulator, imports the program: the two can only agree through HTTP.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Request:
    """What came in. ``target`` is as it was sent: a path, or a whole address for a proxy."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What goes out."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """After so many bytes of the body the connection breaks."""


class Emulator:
    """Answers in threads while its ``with`` block lasts, and remembers every request.

    ``faults`` come first, one for each request: a Reply, or a number of seconds to keep silent.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.requests: list[Request] = []
        self.faults: list[Reply | float] = []
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self._server.server_port}"

    def answer(self, request: Request) -> Reply:
        """What the service says; each emulator has its own."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply_to(self, request: Request) -> Reply | None:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Reply):
            return fault
        if fault is not None:
            self._closing.wait(fault)
            return None
        return self.answer(request)

    def _handler(emulator: Emulator) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(length)
                reply = emulator._reply_to(Request(self.command, self.path, headers, body))
                self.close_connection = True
                if reply is None:
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_CONNECT = handle_any  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """The test's output is for the test."""

        return Handler
