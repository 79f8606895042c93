"""The agent's HTTP: a few calls, each of which can be repeated, behind one token per run.

The address is public. Whoever has no token learns only that something listens, and no byte of a
body is read before the token was right.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from trainer_image.agent_files import PIECE, sha256_of, size_of, why_not
from trainer_image.agent_run import ENDED, WAIT_INPUT, RunError
from trainer_image.agent_uploads import LARGEST_PIECE

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.agent import Agent

_LARGEST_JSON = 1_000_000
_LARGEST_TAIL = 1_000_000
_LONGEST_WAIT = 25.0
"""Seconds that a call may wait for news: well below the proxy's limit of 100."""
_POLL_SECONDS = 0.1
_IDLE_SECONDS = 60.0
_MOST_NAMES = 64
_STRANGER_SECONDS = 15.0
"""Whoever has shown no token yet may keep a connection to himself for so long."""
_MOST_CONNECTIONS = 48
_BODIES = threading.Semaphore(2)
"""Pieces held in memory at a time: 8 MB each."""
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


class Server(ThreadingHTTPServer):
    """A thread for each connection, up to a bound: the address is open to everybody."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, agent: Agent, port: int) -> None:
        self.agent = agent
        self._free = threading.Semaphore(_MOST_CONNECTIONS)
        super().__init__(("0.0.0.0", port), _Handler)  # noqa: S104 - the pod's proxy asks for it

    def process_request(self, request: Any, client_address: Any) -> None:
        """Turn away whoever is one too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Make room again, however it ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is no event: the other side asks again."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.agent.say(f"A call failed: {type(error).__name__}: {error}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "temper-agent"
    sys_version = ""
    timeout = _STRANGER_SECONDS
    server: Server
    _query: dict[str, str]
    _has_begun = False

    def do_GET(self) -> None:
        self._answer("GET")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the platform keeps what is printed here, and it is read for other things."""

    def _answer(self, method: str) -> None:
        self._has_begun = False
        try:
            self._route(method)
        except RunError as error:
            self.close_connection = True  # a body may be unread
            self._json(error.status, error.facts)
        except OSError as error:
            self.close_connection = True
            if self._has_begun or isinstance(error, (ConnectionError, TimeoutError)):
                return
            self._json(507, why_not(error))

    def _route(self, method: str) -> None:
        url = urlsplit(self.path)
        words = [unquote(word) for word in url.path.split("/")[1:]]
        if (method, words) == ("GET", ["v1", "health"]):
            self._json(200, {"ok": True})
            return
        if not self._may_ask():
            raise RunError(401, "No.")
        self.connection.settimeout(_IDLE_SECONDS)
        self._query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if words[:1] != ["v1"] or len(words) < 2:
            raise RunError(404, "There is no such call.")
        call = getattr(self, f"_{method.lower()}_{words[1]}", None)
        if words[1] not in _CALLS or call is None:
            raise RunError(404, "There is no such call.")
        call(words[2:])

    def _may_ask(self) -> bool:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        given = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
        is_right = hmac.compare_digest(given, self.server.agent.settings.token_sha256)
        return is_right and scheme.lower() == "bearer"

    def _get_status(self, rest: list[str]) -> None:
        self._json(200, self.server.agent.describe())

    def _get_inputs(self, rest: list[str]) -> None:
        self._json(200, self.server.agent.uploads.look(*_named(rest)))

    def _input(self, words: list[str]) -> tuple[str, str]:
        """An input that may be written: what the trainer writes itself only before its start."""
        kind, name = _named(words)
        if kind in _OF_THE_TRAINER and self.server.agent.run.phase != WAIT_INPUT:
            raise RunError(409, "The run has begun, and nothing of it is replaced.")
        return kind, name

    def _put_inputs(self, rest: list[str]) -> None:
        kind, name = self._input(rest)
        agent = self.server.agent
        agent.touch()
        offset = self._number("offset", 0)
        with _BODIES:
            piece = self._body(LARGEST_PIECE)
            sha256 = self.headers.get("X-Content-SHA256", "")
            size = agent.uploads.append(kind, name, offset, memoryview(piece), sha256)
        self._json(200, {"size": size})

    def _post_inputs(self, rest: list[str]) -> None:
        kind, name = self._input(rest[:-1])
        body = self._object()
        size, sha256 = body.get("size"), body.get("sha256")
        if rest[-1:] != ["commit"] or not isinstance(size, int) or not isinstance(sha256, str):
            raise RunError(422, "A commit tells size and sha256.")
        agent = self.server.agent
        agent.touch()
        done = agent.uploads.commit(kind, name, size, sha256)
        self._json(200 if done else 202, {"complete": done})

    def _post_secrets(self, rest: list[str]) -> None:
        self.server.agent.run.keep_secrets(self._object())
        self._json(200, {})

    def _post_start(self, rest: list[str]) -> None:
        agent = self.server.agent
        agent.start(self._object())
        self._json(200, agent.describe())

    def _post_cancel(self, rest: list[str]) -> None:
        self._object()
        self.server.agent.run.stop("cancelled")
        self._json(200, self.server.agent.describe())

    def _post_ack(self, rest: list[str]) -> None:
        self._object()
        agent = self.server.agent
        if agent.run.phase not in ENDED:
            raise RunError(409, "The run has not ended.")
        self._json(200, {})
        agent.watchdog.end("acknowledged")

    def _get_image(self, rest: list[str]) -> None:
        """What the pod's image holds of the libraries that are asked for (``names=a,b``)."""
        from trainer_image.image_facts import image_facts  # seldom asked

        names = [name for name in self._query.get("names", "").split(",") if name]
        self._json(200, image_facts(names[:_MOST_NAMES]))

    def _get_log(self, rest: list[str]) -> None:
        self._tail(self.server.agent.settings.run_folder / "train.log")

    def _get_events(self, rest: list[str]) -> None:
        self._tail(self.server.agent.settings.run_folder / "events.jsonl")

    def _tail(self, path: Path) -> None:
        """Raw bytes from an offset; waits for some when there are none."""
        offset, most = self._number("offset", 0), self._number("max", _LARGEST_TAIL)
        until = time.monotonic() + min(_LONGEST_WAIT, self._number("wait", 0))
        while (size := size_of(path)) <= offset and time.monotonic() < until:
            if self.server.agent.run.phase in ENDED:
                break
            time.sleep(_POLL_SECONDS)
        if size < offset:
            raise RunError(416, "The file is shorter than that.", size=size)
        length = min(most, _LARGEST_TAIL, size - offset)
        end = offset + length
        headers = {"X-Next-Offset": str(end), "X-Size": str(size)}
        self._send_part(200, path, offset, length, headers)

    def _get_artifacts(self, rest: list[str]) -> None:
        agent = self.server.agent
        agent.touch()
        if rest:
            self._artifact("/".join(rest))
            return
        files = agent.artifacts.manifest()
        self._json(202 if files is None else 200, {"complete": files is not None, "files": files})

    def _artifact(self, name: str) -> None:
        path, size = self.server.agent.artifacts.find(name)
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked is None:
            raise RunError(416, "Ask for a range: bytes=FIRST-LAST.", size=size)
        first, last = int(asked[1]), min(int(asked[2]), size - 1)
        if not first <= last < first + LARGEST_PIECE:
            raise RunError(416, f"A range is of 1 to {LARGEST_PIECE} bytes.", size=size)
        length = last - first + 1
        headers = {
            "Content-Range": f"bytes {first}-{last}/{size}",
            "X-Content-SHA256": sha256_of(path, first, length),
        }
        self._send_part(206, path, first, length, headers)

    def _number(self, name: str, default: float) -> int:
        text = self._query.get(name, str(int(default)))
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise RunError(422, f"{name} is a number.")
        return int(text)

    def _object(self) -> dict[str, Any]:
        try:
            value = json.loads(bytes(self._body(_LARGEST_JSON)) or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise RunError(422, "The body is a JSON object.")
        return value

    def _body(self, most: int) -> bytearray:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise RunError(411, "Tell the length of the body.")
        if len(length) > 12 or int(length) > most:
            raise RunError(413, f"A body has at most {most} bytes.")
        body = bytearray(int(length))
        rest = memoryview(body)
        while rest:
            count = self.rfile.readinto(rest)
            if not count:
                raise ConnectionResetError
            rest = rest[count:]
        return body

    def _json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value, ensure_ascii=False).encode(), "application/json", {})

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self._begin(status, len(body), kind, headers)
        self.wfile.write(body)

    def _begin(self, status: int, length: int, kind: str, headers: dict[str, str]) -> None:
        self._has_begun = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store, no-transform")
        self.send_header("X-Temper-Agent", "1")  # the proxy writes its own name over ours
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_part(
        self, status: int, path: Path, offset: int, length: int, headers: dict[str, str]
    ) -> None:
        self._begin(status, length, "application/octet-stream", headers)
        if not length:
            return
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            while length:
                piece = file.read(min(PIECE, length))
                if not piece:  # it became shorter: the other side sees that bytes are missing
                    self.close_connection = True
                    return
                self.wfile.write(piece)
                length -= len(piece)


_CALLS = frozenset(
    ("status", "image", "inputs", "secrets", "start", "cancel", "ack", "log", "events", "artifacts")
)


_OF_THE_TRAINER = frozenset(("outputs", "runs"))


def _named(words: list[str]) -> tuple[str, str]:
    if len(words) < 2 or any("/" in word for word in words):
        raise RunError(404, "There is no such input.")
    return words[0], "/".join(words[1:])
