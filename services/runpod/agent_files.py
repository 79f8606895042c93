"""Files to and from a pod's agent, through a proxy that cuts: no byte twice, none believed unseen.

Both ways hold a quarter of a megabyte in memory, whatever the size. A piece is repeated where the
other side's hash of it differs; the whole file is believed when its own hash is right.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from models.domain.errors import AppError
from services.progress import CancelToken, Progress
from services.runpod.agent_client import (
    UNREACHABLE,
    AgentRefusalError,
    not_understood,
    refuse,
    unreachable,
    wait_after,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO
    from pathlib import Path

    from services.progress import Reporter
    from services.runpod.agent_client import AgentClient, Artifact

    Getter = Callable[[Artifact, FileIO, int, int], None]

LARGEST_PIECE = 8 * 1024 * 1024
"""The agent takes and gives no more at once."""
SMALLEST_PIECE = 128 * 1024
"""So much should get through any line between two cuts."""
_READ = 256 * 1024
_BEFORE_MORE = 8
"""Pieces in a row that went well before a larger one is tried."""
_MOST_FAILURES = 10
"""In a row, without a byte more on the other side: with the waits about 40 seconds."""
_KILOBYTE, _MEGABYTE = 1000, 1_000_000
VOLUME_UNREACHABLE = "volume_unreachable"
"""Kind of an error: the volume's S3 service did not answer, and may do so again."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how far a transfer is, and who may end it."""

    report: Reporter = field(default=lambda _: None)
    cancel: CancelToken = field(default_factory=CancelToken)


class _Pace:
    """How much to send at once: less after a cut, more when all has gone well for a while. A slow
    line is cut at the same size each time, and what was sent of that piece is paid for."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._failures = self._in_a_row = 0
        self.piece = LARGEST_PIECE

    def went_well(self) -> None:
        self._failures = 0
        self._in_a_row += 1
        if self._in_a_row >= _BEFORE_MORE:
            self._in_a_row = 0
            self.piece = min(LARGEST_PIECE, self.piece * 2)

    def failed(self, error: AppError) -> None:
        """Wait before the next try; raise the error when there were too many in a row."""
        self._failures += 1
        self._in_a_row = 0
        if self._failures > _MOST_FAILURES:
            raise error
        self.piece = max(SMALLEST_PIECE, self.piece // 2)
        self._watch.cancel.pause(wait_after(self._failures))


def upload(client: AgentClient, source: Path, name: str, sha256: str, watch: Watch) -> None:
    """Bring a file to the pod as ``KIND/NAME``, its path there, from where an earlier try ended.

    A file that is there already, by whatever way, is only checked. Raises AppError, Cancelled.
    """
    size = source.stat().st_size
    pace, name = _Pace(watch), quote(name)
    for attempt in (1, 2):
        _send(client, source, size, name, pace, watch)
        try:
            _commit(client, name, size, sha256, pace, watch)
        except AgentRefusalError as refusal:
            if not refusal.facts.get("corrupted") or attempt == 2:
                raise
        else:
            return


def _send(
    client: AgentClient, source: Path, size: int, name: str, pace: _Pace, watch: Watch
) -> None:
    offset: int | None = None
    while offset is None or offset < size:
        watch.cancel.raise_if_cancelled()
        try:
            if offset is None:
                offset = _offset(client, name, size)
            else:
                offset = _put(client, source, name, offset, min(pace.piece, size - offset))
                pace.went_well()
        except AppError as error:
            if not _may_pass(error):
                raise
            pace.failed(error)
            offset = None
        else:
            watch.report(transfer_progress("Sending", source.name, offset, size))


def _offset(client: AgentClient, name: str, size: int) -> int:
    """How much is there. What cannot be the beginning of this file is removed."""
    there = int(client.once("GET", f"inputs/{name}").json()["size"])
    if there <= size:
        return there
    body = {"size": there, "sha256": ""}
    try:
        client.once("POST", f"inputs/{name}/commit", json=body)
    except AgentRefusalError as refusal:
        if not refusal.facts.get("corrupted"):
            raise
    return int(client.once("GET", f"inputs/{name}").json()["size"])


def _put(client: AgentClient, source: Path, name: str, offset: int, length: int) -> int:
    digest = hashlib.sha256()
    for piece in pieces(source, offset, length):
        digest.update(piece)
    headers = {"Content-Length": str(length), "X-Content-SHA256": digest.hexdigest()}
    answer = client.once(
        "PUT",
        f"inputs/{name}",
        params={"offset": str(offset)},
        content=pieces(source, offset, length),
        headers=headers,
    )
    return int(answer.json()["size"])


def _commit(
    client: AgentClient, name: str, size: int, sha256: str, pace: _Pace, watch: Watch
) -> None:
    while True:
        watch.cancel.raise_if_cancelled()
        try:
            body = {"size": size, "sha256": sha256}
            answer = client.once("POST", f"inputs/{name}/commit", json=body)
        except AppError as error:
            if error.kind != UNREACHABLE:
                raise
            pace.failed(error)
            continue
        if answer.status_code == httpx.codes.OK:
            return


def download(client: AgentClient, artifact: Artifact, target: Path, watch: Watch) -> None:
    """Bring a file home to ``target``, from where an earlier try ended.

    ``target`` appears when the whole is verified. Raises AppError, Cancelled.
    """
    bring_home(partial(_get, client), artifact, target, watch)


def bring_home(get: Getter, artifact: Artifact, target: Path, watch: Watch) -> None:
    """The same by any way. ``get`` appends a range to the file or raises, and then it is cut."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in (1, 2):
            _fetch(get, artifact, part, watch)
            if is_whole(part, artifact):
                part.replace(target)
                return
            part.unlink()
    except OSError as error:
        raise not_kept(error, target) from error
    raise AppError(
        "corrupted", f"{target.name} arrived changed twice.",
        "Try again; if it goes on, the pod's disk or the way to it is broken.",
    )  # fmt: skip


def _fetch(get: Getter, artifact: Artifact, part: Path, watch: Watch) -> None:
    pace = _Pace(watch)
    with part.open("ab", buffering=0) as file:
        offset = file.seek(0, os.SEEK_END)
        if offset > artifact.size:
            file.truncate(0)
            offset = 0
        while offset < artifact.size:
            watch.cancel.raise_if_cancelled()
            length = min(pace.piece, artifact.size - offset)
            try:
                get(artifact, file, offset, length)
            except OSError:
                file.truncate(offset)
                raise
            except AppError as error:
                file.truncate(offset)
                if not _may_pass(error):
                    raise
                pace.failed(error)
            else:
                offset += length
                pace.went_well()
                watch.report(transfer_progress("Fetching", artifact.path, offset, artifact.size))
        os.fsync(file.fileno())


def _get(client: AgentClient, artifact: Artifact, file: FileIO, offset: int, length: int) -> None:
    """Append one range to the file, or raise: then whatever came of it is cut off again."""
    headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
    digest, count = hashlib.sha256(), 0
    try:
        with client.stream(f"artifacts/{quote(artifact.path)}", headers) as answer:
            refuse(answer)
            for piece in answer.iter_raw(_READ):
                count += len(piece)
                if count > length:
                    raise not_understood()
                digest.update(piece)
                write_all(file, piece)
    except httpx.HTTPError as error:
        raise unreachable(f"{type(error).__name__}: {error}") from None
    if count != length or digest.hexdigest() != answer.headers.get("X-Content-SHA256"):
        raise unreachable("A piece came cut or changed.")


def write_all(file: FileIO, piece: bytes) -> None:
    """Write a piece whole; OSError where there is no room."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


def is_whole(part: Path, artifact: Artifact) -> bool:
    """Whether a file is the one of the manifest. OSError where it cannot be read."""
    if part.stat().st_size != artifact.size:
        return False
    digest = hashlib.sha256()
    for piece in pieces(part, 0, artifact.size):
        digest.update(piece)
    return digest.hexdigest() == artifact.sha256


def pieces(path: Path, offset: int, length: int) -> Iterator[bytes]:
    """A part of a file, in pieces small enough for any memory."""
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while length > 0 and (piece := file.read(min(_READ, length))):
            length -= len(piece)
            yield piece


def _may_pass(error: AppError) -> bool:
    """Whether another try may go well: after a cut, or where both sides disagree on the offset."""
    if isinstance(error, AgentRefusalError):
        return "size" in error.facts or bool(error.facts.get("corrupted"))
    return error.kind in {UNREACHABLE, VOLUME_UNREACHABLE}


def transfer_progress(verb: str, name: str, done: int, size: int) -> Progress:
    """How far a file is."""
    words = f"{done} of {size} bytes"
    if size >= _MEGABYTE:
        words = f"{done / _MEGABYTE:.1f} of {size / _MEGABYTE:.1f} MB"
    elif size >= _KILOBYTE:
        words = f"{done / _KILOBYTE:.0f} of {size / _KILOBYTE:.0f} kB"
    return Progress(done / size if size else 1.0, f"{verb} {name}: {words}")


def not_kept(error: OSError, target: Path) -> AppError:
    """What a disk that does not take a file means."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AppError(
            "disk_full", f"There is no room left for {target.name}.",
            "Free some space; what is here already is kept, and fetching goes on from there.",
        )  # fmt: skip
    return AppError("file", f"{target.name} cannot be written: {error.strerror}.", "", str(target))
