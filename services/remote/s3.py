"""The files of a network volume while no pod runs: Runpod's S3 service, as far as it goes.

It has quirks (its documentation, and the script that Runpod gives for large files): a full volume
shows in the middle of an upload, joining the parts may give no answer in time and yet be done, and
lists of many files repeat themselves. Nothing is held in memory but a piece.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import httpx

from models.domain.errors import AppError
from services.remote.s3_answers import (
    AgainError,
    ForgottenError,
    document,
    judge,
    name_of,
    not_understood,
    refusal,
    text_of,
    unreachable,
    wait_between,
)
from services.remote.signature import NOTHING, Asked, encoded_path, encoded_query, signed_headers
from services.runpod.addresses import addresses
from services.runpod.agent_client import Tail
from services.runpod.agent_files import (
    bring_home,
    pieces,
    transfer_progress,
    write_all,
)
from services.web import anything_goes, hooks, new_client, user_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import FileIO
    from pathlib import Path

    from services.remote.signature import S3Keys
    from services.runpod.agent_client import Artifact
    from services.runpod.agent_files import Watch

PART = 32 * 1024 * 1024
"""Bytes of one part. Runpod takes 500 MB; a cut costs so much at most."""
TRIES = 6
_JOIN_LOOKS = 8
"""How often a file is looked for whose joining got no answer: with the waits for two minutes."""
_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
"""The service hashes what it is given before it answers."""
_READ = 256 * 1024
_TAIL = 1_000_000
DATA_CENTERS = frozenset({
    "EU-CZ-1", "EU-RO-1", "EUR-IS-1", "EUR-NO-1", "US-CA-2", "US-GA-2", "US-IL-1", "US-KS-2",
    "US-MD-1", "US-MO-1", "US-MO-2", "US-NC-1", "US-NC-2", "US-NE-1", "US-WA-1",
})  # fmt: skip
"""Those that have the service (Runpod's documentation, August 2026)."""


@dataclass(frozen=True, slots=True)
class _Body:
    """What is sent: bytes, or a stretch of a file."""

    data: bytes = b""
    path: Path | None = None
    offset: int = 0
    length: int = 0

    def content(self) -> bytes | Iterator[bytes]:
        return self.data if self.path is None else pieces(self.path, self.offset, self.length)

    def sha256(self) -> str:
        if self.path is None:
            return hashlib.sha256(self.data).hexdigest()
        digest = hashlib.sha256()
        for piece in pieces(self.path, self.offset, self.length):
            digest.update(piece)
        return digest.hexdigest()

    @property
    def size(self) -> int:
        return len(self.data) if self.path is None else self.length


class VolumeFiles:
    """The files of one network volume; keys are paths under its mount. Thread-safe; close it.

    Raises AppError: ``auth``, ``clock``, ``forbidden``, ``disk_full``, ``volume_gone``, and
    ``volume_unreachable`` where nothing is known but that it did not answer. ``pause`` waits
    between tries and may raise to end them; ``guard`` is called before each call and raises where
    it may not be made.
    """

    def __init__(
        self,
        keys: S3Keys,
        data_center: str,
        volume_id: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        part: int = PART,
        guard: Callable[[], None] = anything_goes,
    ) -> None:
        self._keys = keys
        self._region = data_center.upper()
        self._pause = pause
        self._part = part
        self._base = f"{addresses().volumes_in(data_center)}/{volume_id}"
        self._client = new_client(
            timeout=_TIMEOUT,
            headers={"User-Agent": user_agent(), "Accept-Encoding": "identity"},
            event_hooks=hooks(guard),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def size(self, key: str) -> int | None:
        """A file's bytes; None where there is none."""
        try:
            answer = self._call("HEAD", key, missing=True)
        except AppError as error:
            if error.kind == "forbidden":  # why is said in a body, which this call has not
                self._call("GET", key, extra={"Range": "bytes=0-0"}, missing=True)
            raise
        if answer is None:
            return None
        try:
            return int(answer.headers["content-length"])
        except (KeyError, ValueError):
            raise not_understood(answer) from None

    def read(self, key: str) -> bytes | None:
        """A small file; None where there is none."""
        answer = self._call("GET", key, missing=True)
        return None if answer is None else answer.content

    def tail(self, key: str, offset: int) -> Tail:
        """What a growing file has from a byte on, a megabyte at most."""
        size = self.size(key) or 0
        if size <= offset:
            return Tail(b"", min(offset, size), size)
        last = min(size, offset + _TAIL) - 1
        answer = self._call("GET", key, extra={"Range": f"bytes={offset}-{last}"})
        data = answer.content if answer is not None else b""
        if len(data) != last - offset + 1:
            raise unreachable("A piece came cut.")
        return Tail(data, last + 1, size)

    def write(self, key: str, data: bytes) -> None:
        """A small file, replaced."""
        self._call("PUT", key, body=_Body(data))

    def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no error."""
        self._call("DELETE", key, missing=True)

    def listed(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys that begin with this, and their sizes; for folders of few files."""
        token, seen = "", set[str]()
        while True:
            query = {"list-type": "2", "prefix": prefix}
            query |= {"continuation-token": token} if token else {}
            answer = self._call("GET", "", query=query)
            root = document(answer)
            for entry in (part for part in root.iter() if name_of(part) == "Contents"):
                key = text_of(entry, "Key")
                if key not in seen:
                    seen.add(key)
                    yield key, int(text_of(entry, "Size") or 0)
            following = text_of(root, "NextContinuationToken")
            if text_of(root, "IsTruncated") != "true" or following in {"", token}:
                return
            token = following

    def put(self, source: Path, key: str, watch: Watch) -> None:
        """Bring a file to the volume; in parts where it is large. Raises Cancelled."""
        size = source.stat().st_size
        if size <= self._part:
            self._call("PUT", key, body=_Body(path=source, length=size))
            watch.report(transfer_progress("Sending", source.name, size, size))
            return
        for attempt in (1, 2):
            if self._in_parts(source, size, key, watch):
                return
            if attempt == 2:
                raise unreachable("The parts of an upload were lost twice.")

    def fetch(self, artifact: Artifact, target: Path, watch: Watch) -> None:
        """Bring a file home, from where an earlier try ended; ``target`` appears when the whole is
        verified. Raises Cancelled."""
        bring_home(self._get, artifact, target, watch)

    def _in_parts(self, source: Path, size: int, key: str, watch: Watch) -> bool:
        """Whether it went well; not where the service has forgotten the parts."""
        self._drop_left(key)
        upload = text_of(document(self._call("POST", key, query={"uploads": ""})), "UploadId")
        try:
            tags: list[str] = []
            for offset in range(0, size, self._part):
                watch.cancel.raise_if_cancelled()
                body = _Body(path=source, offset=offset, length=min(self._part, size - offset))
                query = {"partNumber": str(len(tags) + 1), "uploadId": upload}
                answer = self._call("PUT", key, query=query, body=body)
                tags.append(answer.headers.get("etag", "") if answer is not None else "")
                done = offset + body.length
                watch.report(transfer_progress("Sending", source.name, done, size))
            return self._join(key, upload, tags, size)
        except ForgottenError:
            return self.size(key) == size
        except BaseException:  # raised again: parts of what is given up would cost for ever
            self._abort(key, upload)
            raise

    def _join(self, key: str, upload: str, tags: list[str], size: int) -> bool:
        """Make one file of the parts; where the answer does not come, the file itself tells."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = _Body(f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())
        for attempt in range(1, _JOIN_LOOKS + 1):
            try:
                answer = self._once("POST", key, {"uploadId": upload}, body, {})
                if name_of(document(answer)) != "Error":
                    return True
            except AgainError as again:
                if attempt == _JOIN_LOOKS:
                    raise again.error from None
            self._pause(wait_between(attempt))
            if self.size(key) == size:
                return True
        return False

    def _drop_left(self, key: str) -> None:
        """Give back the room of an earlier try that was killed: nobody else knows of its parts."""
        try:
            root = document(self._call("GET", "", query={"uploads": "", "prefix": key}))
        except (AppError, ForgottenError):
            return
        for entry in (part for part in root.iter() if name_of(part) == "Upload"):
            if text_of(entry, "Key") == key:
                self._abort(key, text_of(entry, "UploadId"))

    def _abort(self, key: str, upload: str) -> None:
        """Give back the room of parts that nobody joins; what is wrong is being told already."""
        try:
            self._once("DELETE", key, {"uploadId": upload}, _Body(), {})
        except (AppError, AgainError, ForgottenError):
            return

    def _get(self, artifact: Artifact, file: FileIO, offset: int, length: int) -> None:
        extra = {"Range": f"bytes={offset}-{offset + length - 1}"}
        request = self._request("GET", artifact.path, {}, _Body(), extra)
        count = 0
        try:
            answer = self._client.send(request, stream=True)
            try:
                if not answer.is_success:
                    answer.read()
                    judge(answer)
                    raise refusal(answer)
                for piece in answer.iter_raw(_READ):
                    count += len(piece)
                    if count > length:
                        raise not_understood(answer)
                    write_all(file, piece)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            raise unreachable(f"{type(error).__name__}: {error}") from None
        except AgainError as again:
            raise again.error from None
        if count != length:
            raise unreachable("A piece came cut.")

    def _call(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        body: _Body | None = None,
        extra: Mapping[str, str] | None = None,
        missing: bool = False,
    ) -> httpx.Response | None:
        """An answer, after as many tries as that takes; None for a file that is not there and is
        allowed to be ``missing``."""
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._once(method, key, query or {}, body or _Body(), extra or {})
            except AgainError as again:
                if attempt == TRIES:
                    raise again.error from None
                self._pause(wait_between(attempt))
            else:
                if answer.status_code == httpx.codes.NOT_FOUND:
                    if missing:
                        return None
                    raise refusal(answer)
                return answer
        raise AssertionError(TRIES)

    def _once(
        self, method: str, key: str, query: Mapping[str, str], body: _Body, extra: Mapping[str, str]
    ) -> httpx.Response:
        try:
            answer = self._client.send(self._request(method, key, query, body, extra))
        except (httpx.HTTPError, OSError) as error:
            raise AgainError(unreachable(f"{type(error).__name__}: {error}")) from None
        judge(answer)
        return answer

    def _request(
        self, method: str, key: str, query: Mapping[str, str], body: _Body, extra: Mapping[str, str]
    ) -> httpx.Request:
        url = f"{self._base}/{encoded_path(key)}"
        query_text = encoded_query(query)
        parts = urlsplit(url)
        asked = Asked(method, parts.netloc, parts.path, query_text)
        sha256 = body.sha256() if body.size else NOTHING
        headers = signed_headers(self._keys, self._region, asked, sha256=sha256, extra=extra)
        headers["content-length"] = str(body.size)
        return self._client.build_request(
            method,
            f"{url}?{query_text}" if query_text else url,
            headers=headers,
            content=body.content(),
        )
