"""The bundle as one file: a plain tar that any tool can list, written and read in one fixed shape.

The manifest says where each byte belongs, so a file that was cut is gone on with, and a tar that
was made by something else - with links, with paths of its own - is not even looked into.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tarfile
from typing import IO, TYPE_CHECKING, BinaryIO, Self

from models.domain.errors import AppError
from services.environment.uv_errors import disk_full, os_failure
from services.offline_bundle.manifest import MANIFEST, MOST_BYTES, bad_bundle, read_manifest
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.offline_bundle.manifest import BundledFile, Manifest
    from services.progress import CancelToken, Reporter

CHUNK = 4 * 2**20
_BLOCK = tarfile.BLOCKSIZE
_END = 2 * _BLOCK
_NAMED = 124
"""Bytes of a tar's header before its file's size (POSIX ustar): name, mode, owner and group."""
SPARE = 50_000_000
"""Bytes that are left free on a disk, for everything else that goes on there."""


class ByteMeter:
    """Tells of bytes as they are moved."""

    def __init__(self, what: str, total: int, report: Reporter, cancel: CancelToken) -> None:
        self._what = what
        self._total = max(total, 1)
        self._report = report
        self._cancel = cancel
        self._done = 0

    def add(self, count: int) -> None:
        """So many more; Cancelled where it is to stop."""
        self._cancel.raise_if_cancelled()
        self._done += count
        told = f"{self._what} ({size_words(self._done)} of {size_words(self._total)})"
        self._report(Progress(min(self._done / self._total, 1.0), told))


def part_of(target: Path) -> Path:
    """Where a bundle is until it is whole."""
    return target.with_name(f"{target.name}.part")


def write_bundle(
    target: Path,
    manifest: Manifest,
    sources: Mapping[str, Path],
    meter: ByteMeter,
    when_whole: Callable[[], None] = lambda: None,
) -> None:
    """Write it beside its place, and give it its name when it is whole.

    What an earlier attempt at the same bundle has written is checked and kept. ``when_whole`` is
    called before it gets its name: once that is there, nobody goes on. Raises AppError:
    ``changed`` where a file is no longer what the manifest says, ``exists`` where another
    program's file has the place beside it, ``disk_full``, ``io``; Cancelled.
    """
    part = part_of(target)
    head = _head(manifest.model_dump_json().encode())
    try:
        if part.exists():
            _refuse_foreign(part)
        with part.open("r+b" if part.exists() else "w+b") as file:
            _need_room(part, _layout_size(head, manifest) - part.stat().st_size)
            if file.read(len(head)) != head:
                file.seek(0)
                file.truncate()
                file.write(head)
            for member in manifest.files:
                _write_member(file, member, sources[member.path], meter)
            file.write(bytes(_END))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        when_whole()
        part.replace(target)
    except OSError as error:
        raise _not_written(target, error) from error


class BundleReader:
    """An open bundle whose shape is right; the hash of a file is checked when it is taken out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            reason = error.strerror or str(error)
            raise AppError(
                "not_found", f"{path} cannot be read: {reason}.", "Check its name."
            ) from error
        try:
            self.manifest, self._places = self._read_shape()
        except BaseException:  # re-raised: whatever it was, the file is closed
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def is_there(self, member: BundledFile, target: Path) -> bool:
        """Whether its place holds this very file. AppError("exists") where it holds another."""
        if not target.exists():
            return False
        if not _is_same(target, member):
            raise AppError(
                "exists",
                f"{target} is there already, and is another file.",
                "Move it away or rename its folder, then import again.",
            )
        return True

    def take_out(self, member: BundledFile, target: Path, on_bytes: Callable[[int], None]) -> None:
        """Write a file to its place, whole and with the right hash or not at all.

        One that is there already is left alone, and one that was cut is gone on with. Raises
        AppError: ``exists`` where another file has the place, ``bad_bundle``, ``disk_full``.
        """
        if self.is_there(member, target):
            on_bytes(member.size)
            return
        part = part_of(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            there = part.stat().st_size if part.exists() else 0
            _need_room(target.parent, member.size - there)
            for _attempt in range(2):  # a part that was damaged meanwhile is begun anew
                if self._went_on(member, part, on_bytes):
                    part.replace(target)
                    return
                part.unlink()
        except OSError as error:
            raise _not_written(target, error) from error
        raise bad_bundle(self.path.name, f"{member.path} is damaged in it")

    def content(self, member: BundledFile) -> bytes:
        """A small file; AppError("bad_bundle") where it is not what the manifest says."""
        self._file.seek(self._places[member.path])
        content = self._file.read(member.size)
        if hashlib.sha256(content).hexdigest() != member.sha256:
            raise bad_bundle(self.path.name, f"{member.path} is damaged in it")
        return content

    def _went_on(self, member: BundledFile, part: Path, on_bytes: Callable[[int], None]) -> bool:
        with part.open("r+b" if part.exists() else "w+b") as file:
            file.truncate(min(part.stat().st_size, member.size))
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                on_bytes(len(chunk))
            left = member.size - file.tell()
            self._file.seek(self._places[member.path] + file.tell())
            while left and (chunk := self._file.read(min(CHUNK, left))):
                file.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
                on_bytes(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest() == member.sha256

    def _read_shape(self) -> tuple[Manifest, dict[str, int]]:
        name = self.path.name
        first = self._file.read(_BLOCK)
        size = _manifest_size(first)
        if size is None:
            raise bad_bundle(name, "it does not begin as one")
        manifest = read_manifest(self._file.read(size), name)
        whole = _layout_size(first + bytes(size + _padding(size)), manifest)
        actual = self.path.stat().st_size
        if actual < whole:
            raise AppError(
                "cut_short",
                f"{name} is cut short: {size_words(actual)} of {size_words(whole)} are there.",
                "Copy it again to the end; what was imported before is kept.",
            )
        self._file.seek(_BLOCK + size + _padding(size))
        return manifest, {member.path: self._place(member) for member in manifest.files}

    def _place(self, member: BundledFile) -> int:
        """Where its content begins; the header before it must be the one that we write."""
        header = _header(member.path, member.size)
        if self._file.read(len(header)) != header:
            raise bad_bundle(self.path.name, f"{member.path} is not where it should be")
        place = self._file.tell()
        self._file.seek(place + member.size + _padding(member.size))
        return place


def disk_failure(error: OSError, doing: str) -> AppError:
    """What a disk that refuses means for a bundle; ``doing``: what was done with it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return os_failure(error, doing)
    place = f": {error.filename}" if error.filename else ""
    return AppError(
        "io",
        f"{doing.capitalize()} stopped{place}: {error.strerror or error}.",
        "Mend that and start it again: it goes on where it stopped.",
        str(error),
    )


def file_sha256(path: Path, on_bytes: Callable[[int], None] = lambda _count: None) -> str:
    """The hash of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest()


def _manifest_size(first: bytes) -> int | None:
    """The length of the manifest that this first block announces; None where it is no bundle's."""
    try:
        size = tarfile.TarInfo.frombuf(first, "utf-8", "strict").size
    except (tarfile.HeaderError, ValueError):
        return None
    return size if first == _header(MANIFEST, size) and size <= MOST_BYTES else None


def _refuse_foreign(part: Path) -> None:
    """Leave alone what some other program has begun under the name of our half-made bundle."""
    with part.open("rb") as file:
        first = file.read(_BLOCK)
    named = _header(MANIFEST, 0)[: min(len(first), _NAMED)]  # the size differs, which comes next
    if _manifest_size(first) is None and (len(first) == _BLOCK or not first.startswith(named)):
        raise AppError(
            "exists",
            f"{part} is there already, and is no beginning of a bundle.",
            "Move it away, or choose another name for the bundle.",
        )


def _write_member(file: BinaryIO, member: BundledFile, source: Path, meter: ByteMeter) -> None:
    start, header = file.tell(), _header(member.path, member.size)
    if file.read(len(header)) == header and _copied(file, None, member, meter):
        file.seek(_padding(member.size), os.SEEK_CUR)
        return
    file.seek(start)
    file.truncate()
    file.write(header)
    with _opened(source) as content:
        if not _copied(content, file, member, meter):
            raise _changed(source)
    file.write(bytes(_padding(member.size)))


def _opened(source: Path) -> BinaryIO:
    """It could be read before, for its hash: who took it away meanwhile is no fault of the
    target's."""
    try:
        return source.open("rb")
    except OSError as error:
        raise _changed(source) from error


def _changed(source: Path) -> AppError:
    message = f"{source} was changed meanwhile."
    return AppError("changed", message, "Export again; it goes on from there.")


def _copied(
    source: BinaryIO, target: BinaryIO | None, member: BundledFile, meter: ByteMeter
) -> bool:
    """Whether so many bytes of the source, written to the target if there is one, are right."""
    digest, left = hashlib.sha256(), member.size
    while left and (chunk := source.read(min(CHUNK, left))):
        digest.update(chunk)
        left -= len(chunk)
        if target is not None:
            target.write(chunk)
            meter.add(len(chunk))
    is_right = not left and digest.hexdigest() == member.sha256
    if is_right and target is None:
        meter.add(member.size)
    return is_right


def _is_same(path: Path, member: BundledFile) -> bool:
    return path.stat().st_size == member.size and file_sha256(path) == member.sha256


def _head(manifest: bytes) -> bytes:
    return _header(MANIFEST, len(manifest)) + manifest + bytes(_padding(len(manifest)))


def _header(path: str, size: int) -> bytes:
    info = tarfile.TarInfo(path)
    info.size = size
    info.mode = 0o644
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _padding(size: int) -> int:
    return -size % _BLOCK


def _layout_size(head: bytes, manifest: Manifest) -> int:
    """How many bytes the whole bundle has."""
    members = sum(
        len(_header(one.path, one.size)) + one.size + _padding(one.size) for one in manifest.files
    )
    return len(head) + members + _END


def _need_room(place: Path, need: int) -> None:
    free = shutil.disk_usage(place).free
    if need > 0 and free < need + SPARE:
        raise disk_full(need + SPARE, free, str(place))


def _not_written(path: Path, error: OSError) -> AppError:
    reason = error.strerror or str(error)
    message = f"{path} cannot be written: {reason}."
    return AppError("io", message, "Choose another place, or free some space there.", str(error))


def size_words(count: int) -> str:
    """Bytes for people."""
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
