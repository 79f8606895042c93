"""The Hub's model repositories, as the real client creates them and uploads into them.

From the Hub's API reference and the Git LFS batch API: create, preupload, LFS upload and verify,
commit. A commit that names a large file which never arrived whole is refused, as there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.emulators.hub import Hub
from tests.emulators.server import Reply

if TYPE_CHECKING:
    from tests.emulators.server import Request

_MODEL = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(preupload|commit|revision)/([^/]+))?")
_BATCH = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
_OBJECT = re.compile(r"/lfs-(upload|verify)/([0-9a-f]{64})")
_LARGE = (".safetensors", ".bin", ".model")
_LARGE_FROM = 10 * 1024 * 1024
_MAY_WRITE = {"write", "fineGrained"}


@dataclass
class Repo:
    """A model repository: its visibility, its files, and the message of each commit."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


class HubRepos(Hub):
    """``repos`` by name. The next ``dropped`` uploads of a large file break off with nothing said;
    the next ``refused`` ones are answered with that status. Each answer takes ``lag`` seconds."""

    def __init__(self, tokens: dict[str, tuple[str, str]], host: str = "127.0.0.1") -> None:
        super().__init__(tokens, {}, host)
        self.repos: dict[str, Repo] = {}
        self.stored: dict[str, bytes] = {}
        self.dropped = 0
        self.refused: list[int] = []
        self.uploads = 0
        self.lag = 0.0

    def answer(self, request: Request) -> Reply | None:
        time.sleep(self.lag)
        path = unquote(request.target.split("?")[0])
        if found := _OBJECT.fullmatch(path):
            return self._object(request, found[1], found[2])
        if path == "/api/validate-yaml":
            return _json(200, {"errors": [], "warnings": []})
        who = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if path == "/api/repos/create":
            return self._create(request, who)
        if found := _BATCH.fullmatch(path):
            return self._refusal(found[1], who) or self._batch(request)
        if found := _MODEL.fullmatch(path):
            what = found[2] or "revision"
            return self._refusal(found[1], who, writes=what != "revision") or self._model(
                request, found[1], what
            )
        return super().answer(request)

    def _create(self, request: Request, who: tuple[str, str] | None) -> Reply:
        body = json.loads(request.body)
        if who is None:
            return _json(401, {"error": "Invalid username or password."})
        owner = body["organization"] or who[0]
        name = f"{owner}/{body['name']}"
        if who[1] not in _MAY_WRITE or owner != who[0]:
            return _json(403, {"error": "You don't have the rights to create a model there"})
        if name in self.repos:
            return _json(409, {"error": "You already created this model repo", "url": name})
        # The older clients say `private`, the newer ones `visibility`; the Hub takes both.
        is_private = body.get("private", body.get("visibility") == "private")
        self.repos[name] = Repo(private=is_private)
        return _json(200, {"url": f"{self.url}/{name}", "name": name, "id": "1"})

    def _refusal(
        self, repo: str, who: tuple[str, str] | None, *, writes: bool = True
    ) -> Reply | None:
        known = self.repos.get(repo)
        is_owner = who is not None and repo.startswith(f"{who[0]}/")
        if known is None or (known.private and not is_owner):
            headers = {"X-Error-Code": "RepoNotFound"}
            return _json(404 if who else 401, {"error": "Repository not found"}, headers)
        if writes and (who is None or not is_owner or who[1] not in _MAY_WRITE):
            return _json(403, {"error": "You don't have the rights to write there"})
        return None

    def _model(self, request: Request, repo: str, what: str) -> Reply:
        if what == "preupload":
            return self._preupload(request, self.repos[repo].files)
        if what == "commit":
            return self._commit(request, repo)
        known = self.repos[repo]
        return _json(
            200,
            {"id": repo, "sha": "c" * 40, "private": known.private, "gated": False,
             "siblings": [{"rfilename": name} for name in known.files], "tags": [],
             "downloads": 0, "likes": 0, "disabled": False},
        )  # fmt: skip

    def _preupload(self, request: Request, known: dict[str, bytes]) -> Reply:
        """What is to be done with each file; with the hash of the one that is there, by which the
        client leaves out what has not changed."""
        answers = []
        for file in json.loads(request.body)["files"]:
            large = file["path"].endswith(_LARGE) or file["size"] > _LARGE_FROM
            answer = {"path": file["path"], "uploadMode": "lfs" if large else "regular",
                      "shouldIgnore": False}  # fmt: skip
            if file["path"] in known:
                answer["oid"] = _oid(known[file["path"]], large=large)
            answers.append(answer)
        return _json(200, {"files": answers, "commitOid": "c" * 40})

    def _batch(self, request: Request) -> Reply:
        objects = []
        for wanted in json.loads(request.body)["objects"]:
            oid = wanted["oid"]
            answer = {"oid": oid, "size": wanted["size"]}
            if oid not in self.stored:
                answer["actions"] = {
                    "upload": {"href": f"{self.url}/lfs-upload/{oid}"},
                    "verify": {"href": f"{self.url}/lfs-verify/{oid}"},
                }
            objects.append(answer)
        return _json(200, {"transfer": "basic", "objects": objects})

    def _object(self, request: Request, what: str, oid: str) -> Reply | None:
        if what == "verify":
            known = self.stored.get(oid)
            whole = known is not None and len(known) == json.loads(request.body)["size"]
            return _json(200 if whole else 404, {})
        self.uploads += 1
        if self.dropped:
            self.dropped -= 1
            return None
        if self.refused:
            return _json(self.refused.pop(0), {"error": "Try again later"})
        if hashlib.sha256(request.body).hexdigest() != oid:
            return _json(400, {"error": "The content is not what was announced"})
        self.stored[oid] = request.body
        return _json(200, {})

    def _commit(self, request: Request, repo: str) -> Reply:
        lines = [json.loads(line) for line in request.body.splitlines()]
        known = self.repos[repo]
        files = dict(known.files)
        for entry in (line["value"] for line in lines if line["key"] == "file"):
            files[entry["path"]] = base64.b64decode(entry["content"])
        for entry in (line["value"] for line in lines if line["key"] == "lfsFile"):
            if entry["oid"] not in self.stored:
                return _json(400, {"error": "LFS pointer pointed to a file that does not exist"})
            files[entry["path"]] = self.stored[entry["oid"]]
        known.files = files
        known.commits.append(lines[0]["value"]["summary"])
        address = f"{self.url}/{repo}/commit/{'c' * 40}"
        return _json(200, {"success": True, "commitOid": "c" * 40, "commitUrl": address})


def _oid(content: bytes, *, large: bool) -> str:
    """SHA-256 of a file in Git LFS, Git's own hash of any other."""
    if large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _json(status: int, content: object, headers: dict[str, str] | None = None) -> Reply:
    given = {"Content-Type": "application/json"} | (headers or {})
    return Reply(status, json.dumps(content).encode(), given)
