"""A web server on a free port of this computer, from which the emulators are made.

Nothing here, or in any emulator, imports the program: the two can only agree through HTTP.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import TYPE_CHECKING

from tests.emulators.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    stream: Iterator[bytes] | None = None
    """Instead of a body: sent piece by piece, its headers with the first; ends with the link."""


class Emulator(Served):
    """Answers in threads while its ``with`` block lasts, and remembers every request.

    ``faults`` come first, one for each request: a Reply, or a number of seconds to keep silent.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.requests: list[Request] = []
        self.faults: list[Reply | float] = []
        server = ThreadingHTTPServer((host, 0), self._handler())
        super().__init__(server)
        self._port = server.server_port

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self._port}"

    def answer(self, request: Request) -> Reply | None:
        """What the service says; each emulator has its own. None: nothing, and hangs up."""
        raise NotImplementedError

    def discard(self) -> None:
        """Give the port back, where nothing was ever served."""
        self._server.server_close()

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
                if reply.stream is not None:
                    self._send_stream(reply, reply.stream)
                    return
                with suppress(OSError):  # whoever asked has gone
                    self._send_head(reply, {"Content-Length": str(len(reply.body))})
                    if self.command != "HEAD":
                        self.wfile.write(reply.body[: reply.cut])

            def _send_stream(self, reply: Reply, stream: Iterator[bytes]) -> None:
                first = next(stream, b"")
                with suppress(OSError):  # whoever listened has gone
                    self._send_head(reply, {})
                    for piece in chain((first,), stream):
                        self.wfile.write(piece)
                        self.wfile.flush()

            def _send_head(self, reply: Reply, more: dict[str, str]) -> None:
                self.send_response_only(reply.status)
                more = {"Date": self.date_time_string(), "Server": self.version_string()} | more
                for name, value in (more | reply.headers).items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_HEAD = handle_any  # noqa: N815
            do_DELETE = do_CONNECT = do_PATCH = handle_any  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """The test's output is for the test."""

        return Handler
