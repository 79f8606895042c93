"""The Hub with the files of its models, as the real client lists and fetches them.

From the Hub's API reference: large files are kept apart (Git LFS), so their address answers with a
redirect to another one, and their hash is SHA-256; the hash of others is Git's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.emulators.hub import Hub
from tests.emulators.server import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.server import Request

_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_STORED = re.compile(r"/stored/([0-9a-f]{64})")
_LARGE = (".safetensors", ".bin", ".model")
_ELSEWHERE = "localhost"
_PIECE = 64 * 1024


class HubModels(Hub):
    """``files`` holds each model's by path, ``gated`` those that only ``granted`` tokens open.

    ``pace`` is how many bytes a second a file comes with, 0 for all at once. ``spoilt`` names files
    of which the next answer has a wrong byte, ``held`` one whose last piece does not come until
    another is named there. ``sent`` counts the bytes of each file that went out.
    """

    def __init__(
        self, files: dict[str, dict[str, bytes]], tokens: dict[str, tuple[str, str]] | None = None
    ) -> None:
        super().__init__(tokens or {})
        self.files = files
        self.gated: set[str] = set()
        self.granted: set[str] = set()
        self.pace = 0
        self.spoilt: list[str] = []
        self.held = ""
        self.sent: dict[str, int] = {}

    @staticmethod
    def revision(files: dict[str, bytes]) -> str:
        """The commit of these files."""
        text = "".join(f"{name} {_sha1(content)}" for name, content in sorted(files.items()))
        return hashlib.sha1(text.encode()).hexdigest()

    def fetched(self) -> list[str]:
        """The files whose content was asked for, in order, and forgets them."""
        found = [
            unquote(match[3])
            for one in self.requests
            if one.method == "GET" and (match := _FILE.fullmatch(one.target.split("?")[0]))
        ]
        self.requests.clear()
        return found

    def answer(self, request: Request) -> Reply | None:
        path = unquote(request.target.split("?")[0])
        if found := _STORED.fullmatch(path):
            return self._stored(request, found[1])
        if found := _API.fullmatch(path):
            return self._info(found[1])
        if found := _FILE.fullmatch(path):
            return self._refusal(request, found[1]) or self._file(request, found[1], found[3])
        return super().answer(request)

    def _refusal(self, request: Request, repo: str) -> Reply | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if repo in self.gated and token not in self.granted:
            headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."}
            return Reply(403 if token else 401, b"{}", headers)
        return None

    def _info(self, repo: str) -> Reply:
        files = self.files.get(repo)
        if files is None:
            return Reply(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        total = sum(len(content) for content in files.values()) // 2
        return _json(
            {
                "id": repo, "sha": self.revision(files), "private": False, "disabled": False,
                "gated": "manual" if repo in self.gated else False, "tags": [], "likes": 0,
                "downloads": 0, "cardData": {"license": "apache-2.0"},
                "safetensors": {"parameters": {"BF16": total}, "total": total},
                "siblings": [_sibling(name, content) for name, content in files.items()],
            }
        )  # fmt: skip

    def _file(self, request: Request, repo: str, name: str) -> Reply:
        content = self.files.get(repo, {}).get(name)
        if content is None:
            return Reply(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        commit = {"X-Repo-Commit": self.revision(self.files[repo])}
        if name.endswith(_LARGE):
            content_hash = hashlib.sha256(content).hexdigest()
            linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{content_hash}"'}
            elsewhere = self.url.replace(self.host, _ELSEWHERE)  # another host, to the client
            address = {"Location": f"{elsewhere}/stored/{content_hash}"}
            return Reply(302, b"", commit | linked | address)
        if request.method == "HEAD":
            length = {"Content-Length": str(len(content)), "ETag": f'"{_sha1(content)}"'}
            return Reply(200, headers=commit | length)
        return self._send(request, name, content)

    def _stored(self, request: Request, content_hash: str) -> Reply:
        if "authorization" in request.headers:  # as the real stores do
            return Reply(400, b"Only one auth mechanism allowed")
        for files in self.files.values():
            for name, content in files.items():
                if hashlib.sha256(content).hexdigest() == content_hash:
                    return self._send(request, name, content)
        return Reply(404)

    def _send(self, request: Request, name: str, content: bytes) -> Reply:
        if name in self.spoilt:
            self.spoilt.remove(name)
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        first = int(asked[1]) if asked else 0
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(len(content) - first)}
        if asked:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        pieces = self._pieces(name, content[first:])
        return Reply(206 if asked else 200, headers=headers, stream=pieces)

    def _pieces(self, name: str, content: bytes) -> Iterator[bytes]:
        for start in range(0, len(content), _PIECE):
            piece = content[start : start + _PIECE]
            if self.pace:
                time.sleep(len(piece) / self.pace)
            while self.held == name and start + _PIECE >= len(content):
                if self._closing.wait(0.01):
                    return
            self.sent[name] = self.sent.get(name, 0) + len(piece)
            yield piece


def _sibling(name: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": _sha1(content)}
    if name.endswith(_LARGE):
        sha = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"sha256": sha, "size": len(content), "pointerSize": 134}
    return entry


def _sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _json(content: object) -> Reply:
    return Reply(200, json.dumps(content).encode(), {"Content-Type": "application/json"})
