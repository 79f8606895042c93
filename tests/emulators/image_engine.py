"""A container engine that keeps images and does nothing else, over HTTP on a Unix socket."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from tests.emulators.served import Served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VERSION = {"Version": "27.0", "ApiVersion": "1.44", "Os": "linux", "Arch": "amd64"}
_INFO: dict[str, Any] = {
    "OperatingSystem": "Debian", "NCPU": 2, "MemTotal": 8_000_000_000, "Architecture": "x86_64",
    "Runtimes": {"runc": {}}, "CgroupVersion": "2", "SecurityOptions": [],
}  # fmt: skip


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle of its request is nothing to tell of."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class ImageEngine(Served):
    """``images`` maps ids to archives, ``tags`` full names to ids. ``spoil`` changes what is loaded
    before it is taken; with ``full`` a load fails as on a full disk, with ``stalls`` a save stops
    half-way. ``asked`` has the requests."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.images: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.asked: list[str] = []
        self.full = self.stalls = False
        self.half_sent = threading.Event()
        self.spoil: Callable[[bytes], bytes] = lambda content: content
        super().__init__(_Server(str(path), self._handler()))

    def add(self, tag: str, content: str) -> str:
        """An image of this tag; its id."""
        archive = image_archive(content)
        self.tags[tag] = image_id(archive)
        self.images[self.tags[tag]] = archive
        return self.tags[tag]

    def get(self, path: str) -> object:
        """The answer to a GET: bytes, a document, or None for nothing there."""
        if path.endswith("/version"):
            return _VERSION
        if path.endswith("/info"):
            return _INFO
        if path.endswith("/containers/json"):
            return []
        name, _, what = path.partition("/images/")[2].rpartition("/")
        found = self.tags.get(_full(name), name)
        if found not in self.images:
            return None
        if what == "get":
            return self.images[found]
        size = len(self.images[found])
        return {"Id": found, "Architecture": "amd64", "Size": size, "Config": {"Labels": {}}}

    def load(self, content: bytes) -> dict[str, Any]:
        """Take an archive; the event that the engine answers with."""
        if self.full:
            return {"errorDetail": {"message": "no space left on device"}}
        content = self.spoil(content)
        self.images[image_id(content)] = content
        return {"stream": f"Loaded image ID: {image_id(content)}"}

    def _handler(engine) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                engine.asked.append(path.partition("/v1.44")[2])
                found = engine.get(path)
                if found is None:
                    self._answer({"message": "No such image"}, 404)
                else:
                    self._answer(found)

            def do_POST(self) -> None:
                parts, content = urlsplit(self.path), _body(self)
                path, asked = unquote(parts.path), parse_qs(parts.query)
                engine.asked.append(path.partition("/v1.44")[2])
                if path.endswith("/images/load"):
                    self._answer(engine.load(content))
                    return
                name = path.partition("/images/")[2].removesuffix("/tag")
                engine.tags[f"{asked['repo'][0]}:{asked['tag'][0]}"] = name
                self._answer({}, 201)

            def _answer(self, found: object, status: int = 200) -> None:
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if engine.stalls and isinstance(found, bytes):
                    self.wfile.write(body[: len(body) // 2])
                    self.wfile.flush()
                    engine.half_sent.set()
                    engine._closing.wait()
                    return
                self.wfile.write(body)

            def address_string(self) -> str:
                return "a socket"

            def log_message(self, *arguments: object) -> None:
                """The test's output is for the test."""

        return Handler


def image_archive(content: str, names: tuple[str, ...] = ()) -> bytes:
    """What an engine saves: an image whose only layer is this text."""
    config = json.dumps({"architecture": "amd64", "made_of": content}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": list(names) or None, "Layers": ["layer.tar"]}]
    files = {
        name: config, "layer.tar": content.encode(), "manifest.json": json.dumps(manifest).encode(),
    }  # fmt: skip
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, body in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return made.getvalue()


def image_id(archive: bytes) -> str:
    """The id that an engine gives what is in an archive: its configuration's hash."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        listed = tar.extractfile("manifest.json")
        assert listed is not None
        config = tar.extractfile(json.loads(listed.read())[0]["Config"])
        assert config is not None
        return f"sha256:{hashlib.sha256(config.read()).hexdigest()}"


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in request.headers.get("Transfer-Encoding", ""):
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    found = b""
    while size := int(request.rfile.readline() or _gone(), 16):
        found += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return found


def _gone() -> NoReturn:
    raise ConnectionResetError("its client has ended")


def _full(name: str) -> str:
    return name if "/" in name or name.startswith("sha256:") else f"docker.io/library/{name}"
