"""A registry of container images on 127.0.0.1, which engines take over plain HTTP.

Written from the OCI distribution specification: manifests, blobs with ranges, and both ways to
log in. Its images are real: small layers of random bytes on nothing at all, so none can be run,
or on layers that the engine which pulls them has already.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
import re
import tarfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.emulators.served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CHUNK = 16 * 1024
OPEN, BASIC, TOKEN = "open", "basic", "token"


@dataclass(frozen=True)
class PushedImage:
    """What was put into the registry: its manifest's digest, its layers' digests and bytes."""

    digest: str
    layers: tuple[str, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Base:
    """What an image stands on: a configuration as the engine keeps it, and its layers' digests,
    under which they are never asked for."""

    config: Mapping[str, Any]
    layers: Sequence[str]


@dataclass
class Trouble:
    """How a blob is served: bytes a second (0: at once), and how often it breaks off midway."""

    speed: int = 0
    drops: int = 0


@dataclass
class Traffic:
    """What was served of one blob: how many requests, and how many bytes left."""

    requests: int = 0
    bytes: int = 0
    ranges: list[str] = field(default_factory=list)


class Registry(Served):
    """Serves while its ``with`` block lasts."""

    def __init__(self, access: str = OPEN, user: str = "", password: str = "") -> None:
        self.access = access
        self.user, self.password = user, password
        self.trouble: dict[str, Trouble] = {}
        self.traffic: dict[str, Traffic] = {}
        self.authorizations: list[str] = []
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        handler = type("H", (_Handler,), {"registry": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        super().__init__(server)
        self._port = server.server_port

    @property
    def host(self) -> str:
        """As it stands at the front of a tag."""
        return f"127.0.0.1:{self._port}"

    def push(
        self, name: str, sizes: tuple[int, ...], *, tag: str = "latest", seed: int = 1,
        labels: Mapping[str, str] | None = None, in_list: bool = False, base: Base | None = None,
    ) -> PushedImage:  # fmt: skip
        """Make an image with one layer for each size; equal seeds make equal layers."""
        base = base or Base({}, ())
        below = base.config.get("rootfs", {}).get("diff_ids", [])
        noise = random.Random(seed)
        contents = [{f"layer-{n}.bin": noise.randbytes(size)} for n, size in enumerate(sizes)]
        plain = [_tar(one) for one in contents]
        packed = [gzip.compress(one, 1, mtime=0) for one in plain]
        config = _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": "2026-01-02T03:04:05Z",
                "config": base.config.get("config")
                or {"Labels": dict(labels or {}), "Cmd": ["/none"]},
                "rootfs": {"type": "layers", "diff_ids": [*below, *map(_digest, plain)]},
                "history": [{"created_by": f"layer {n}"} for n in range(len(below) + len(plain))],
            }
        )
        layers = [self._keep(one) for one in packed]
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {
                    "mediaType": _CONFIG, "size": len(config), "digest": self._keep(config),
                },
                "layers": [
                    *({"mediaType": _LAYER, "size": 1, "digest": one} for one in base.layers),
                    *(
                        {"mediaType": _LAYER, "size": len(one), "digest": _digest(one)}
                        for one in packed
                    ),
                ],
            }
        )  # fmt: skip
        digest = self._publish(name, tag, MANIFEST, manifest)
        if in_list:
            digest = self._publish(name, tag, MANIFEST_LIST, _list_of(digest, len(manifest)))
        return PushedImage(digest, tuple(layers), tuple(len(one) for one in packed))

    def served(self, digest: str) -> Traffic:
        """What left of a blob so far."""
        return self.traffic.setdefault(digest, Traffic())

    def _keep(self, content: bytes) -> str:
        digest = _digest(content)
        self._blobs[digest] = content
        return digest

    def _publish(self, name: str, tag: str, kind: str, content: bytes) -> str:
        digest = _digest(content)
        for reference in (tag, digest):
            self._manifests[name, reference] = (kind, content)
        return digest

    def _is_allowed(self, authorization: str) -> bool:
        if self.access == OPEN:
            return True
        if self.access == BASIC:
            return authorization == self._basic()
        return authorization == f"Bearer {self._token()}"

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def _token(self) -> str:
        return hashlib.sha256(f"{self.user}{self.password}".encode()).hexdigest()

    def _challenge(self, name: str) -> str:
        if self.access == BASIC:
            return 'Basic realm="registry"'
        scope = f',scope="repository:{name}:pull"' if name else ""
        return f'Bearer realm="http://{self.host}/token",service="registry"{scope}'


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        authorization = self.headers.get("Authorization", "")
        if authorization:
            self.registry.authorizations.append(authorization)
        if path == "/token":
            self.give_token(authorization)
            return
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        name = found.group(1) if found else ""
        if not self.registry._is_allowed(authorization):
            challenge = {"WWW-Authenticate": self.registry._challenge(name)}
            self.fail(401, "UNAUTHORIZED", "authentication required", challenge)
        elif path == "/v2/":
            self.reply(200, b"{}")
        elif found is None:
            self.fail(404, "UNSUPPORTED", "no such path")
        elif found.group(2) == "manifests":
            self.give_manifest(name, found.group(3))
        else:
            self.give_blob(found.group(3))

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.fail(405, "UNSUPPORTED", "not here")

    def give_token(self, authorization: str) -> None:
        if authorization != self.registry._basic():
            self.fail(401, "UNAUTHORIZED", "incorrect username or password")
            return
        assert "service" in parse_qs(urlsplit(self.path).query)
        self.reply(200, _json({"token": self.registry._token(), "expires_in": 300}))

    def give_manifest(self, name: str, reference: str) -> None:
        if (name, reference) not in self.registry._manifests:
            self.fail(404, "MANIFEST_UNKNOWN", "manifest unknown")
            return
        kind, content = self.registry._manifests[name, reference]
        headers = {"Content-Type": kind, "Docker-Content-Digest": _digest(content)}
        self.reply(200, content, headers)

    def give_blob(self, digest: str) -> None:
        content = self.registry._blobs.get(digest)
        if content is None:
            self.fail(404, "BLOB_UNKNOWN", "blob unknown")
            return
        asked = self.headers.get("Range", "")
        start = int(re.sub(r"bytes=(\d+)-.*", r"\1", asked)) if asked else 0
        headers = {"Content-Type": "application/octet-stream"}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.head(206 if asked else 200, len(content) - start, headers)
        if self.command == "GET":
            traffic = self.registry.served(digest)
            traffic.requests += 1
            traffic.ranges.append(asked)
            self.send(digest, content[start:], traffic)

    def send(self, digest: str, content: bytes, traffic: Traffic) -> None:
        trouble = self.registry.trouble.get(digest, Trouble())
        breaks = trouble.drops > 0
        trouble.drops -= breaks
        end = len(content) // 2 if breaks else len(content)
        for place in range(0, end, _CHUNK):
            part = content[place : min(end, place + _CHUNK)]
            try:
                self.wfile.write(part)
            except OSError:  # the engine hung up
                self.close_connection = True
                return
            traffic.bytes += len(part)
            if trouble.speed and self.registry._closing.wait(len(part) / trouble.speed):
                break
        self.close_connection = self.close_connection or breaks

    def fail(
        self, status: int, code: str, words: str, headers: dict[str, str] | None = None
    ) -> None:
        document = {"errors": [{"code": code, "message": words}]}
        self.reply(status, _json(document), headers)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.head(status, len(body), {"Content-Type": "application/json"} | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """The test's output is for the test."""


def _tar(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _list_of(digest: str, size: int) -> bytes:
    platform = {"architecture": "amd64", "os": "linux"}
    entry = {"mediaType": MANIFEST, "size": size, "digest": digest, "platform": platform}
    other = entry | {"platform": {"architecture": "s390x", "os": "linux"}}
    document = {"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": [other, entry]}
    return _json(document)


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
