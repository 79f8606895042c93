"""The Hub with the files of its datasets, as the real client lists and fetches them."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from tests.emulators.hub import Hub
from tests.emulators.server import Reply

if TYPE_CHECKING:
    from tests.emulators.server import Request

_API = re.compile(r"/api/datasets/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?")
_FILE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_COMMIT = "c" * 40


class HubFiles(Hub):
    """``files`` holds each dataset's by path. ``cuts`` are numbers of bytes after which the next
    answers with a part of a file break off. A gated dataset opens to ``granted`` tokens."""

    def __init__(
        self,
        tokens: dict[str, tuple[str, str]],
        datasets: dict[str, str],
        files: dict[str, dict[str, bytes]],
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(tokens, datasets, host)
        self.files = files
        self.granted: set[str] = set()
        self.cuts: list[int] = []

    def answer(self, request: Request) -> Reply:
        path = unquote(request.target.split("?")[0])
        if path.endswith("/auth-check"):
            return self._auth_check(request, path)
        if found := _FILE.fullmatch(path):
            return self._refusal(request, found[1]) or self._file(request, found[1], found[3])
        if found := _API.fullmatch(path):
            asked = (found[2] or "revision", found[4] or "")
            return self._refusal(request, found[1]) or self._api(request, found[1], *asked)
        return super().answer(request)

    def _auth_check(self, request: Request, path: str) -> Reply:
        repo = path.removeprefix("/api/datasets/").removesuffix("/auth-check")
        return self._refusal(request, repo) or Reply(200, b"{}")

    def _refusal(self, request: Request, repo: str) -> Reply | None:
        kind = self.datasets.get(repo, "")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if kind == "public" or (kind == "private" and token in self.tokens):
            return None
        if kind == "gated":
            if token in self.granted:
                return None
            # As the Hub does, everything but the files themselves is open to all.
            if "/resolve/" not in request.target and "auth-check" not in request.target:
                return None
            code, status = "GatedRepo", 403 if token else 401
        else:
            code, status = "RepoNotFound", 401
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        return Reply(status, json.dumps({"error": code}).encode(), headers)

    def _api(self, request: Request, repo: str, what: str, where: str) -> Reply:
        files = self.files[repo]
        if what == "paths-info":
            body = parse_qs(request.body.decode())
            wanted = body.get("paths") or json.loads(request.body or b"{}").get("paths", [])
            entries = [_entry(name, files[name]) for name in wanted if name in files]
            return _json(entries)
        if what == "tree":
            return _tree(files, where, is_deep="recursive=true" in request.target.lower())
        siblings = [{"rfilename": name} for name in files]
        return _json(
            {
                "id": repo, "sha": _COMMIT, "private": False, "gated": False, "disabled": False,
                "downloads": 0, "likes": 0, "tags": [], "siblings": siblings,
                "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
            }
        )  # fmt: skip

    def _file(self, request: Request, repo: str, name: str) -> Reply:
        content = self.files[repo].get(name)
        if content is None:
            return _missing()
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": _COMMIT,
            "Accept-Ranges": "bytes",
            "X-Linked-Size": str(len(content)),
        }
        if request.method == "HEAD":
            return Reply(200, content, headers, cut=0)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        cut = self.cuts.pop(0) if self.cuts and name.endswith(".parquet") else None
        if asked is None:
            return Reply(200, content, headers, cut)
        first, last = int(asked[1]), int(asked[2] or len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Reply(206, content[first : last + 1], headers, cut)


def _entry(name: str, content: bytes) -> dict[str, object]:
    oid = hashlib.sha1(content).hexdigest()
    return {"type": "file", "oid": oid, "size": len(content), "path": name}


def _tree(files: dict[str, bytes], where: str, *, is_deep: bool) -> Reply:
    start = f"{where}/" if where else ""
    entries: dict[str, dict[str, object]] = {}
    for name, content in files.items():
        if not name.startswith(start):
            continue
        folder, slash, _ = name.removeprefix(start).partition("/")
        if slash:
            path = start + folder
            entries[path] = {"type": "directory", "oid": "d" * 40, "size": 0, "path": path}
        if is_deep or not slash:
            entries[name] = _entry(name, content)
    return _json([*entries.values()]) if entries else _missing()


def _missing() -> Reply:
    headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": _COMMIT}
    return Reply(404, b'{"error":"Entry not found"}', headers)


def _json(content: object) -> Reply:
    return Reply(200, json.dumps(content).encode(), {"Content-Type": "application/json"})
