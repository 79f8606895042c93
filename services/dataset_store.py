"""The files of the dataset library: immutable JSONL named by hash, with an index of row offsets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import struct
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import psutil

from trainer_image.contract import TOKENS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

_OWNER = re.compile(r"\.(\d+)-")
"""The number of the process that writes a file, in its name."""
_ROW_FILE = re.compile(r"[0-9a-f]{64}\.(jsonl|idx)")
_YOUNG_SECONDS = 3600.0
"""Rows are named by a dataset seconds after they are complete."""
_OFFSET = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class StoredRows:
    """A file of the library: how many rows, how many bytes, its name."""

    sha256: str
    rows: int
    size: int


class DatasetStore:
    """Row files under one folder. Equal rows are one file, however often they are imported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where the rows with this hash lie."""
        return self._folder / f"{sha256}.jsonl"

    def write(self, rows: Iterable[dict[str, Any]]) -> StoredRows:
        """Stream rows into the library. An error, also of the iterable, leaves nothing behind."""
        temporary, index = self.new_files()
        try:
            with temporary.open("wb") as data, index.open("wb") as offsets:
                stored = _write_rows(rows, data, offsets)
            self.adopt(temporary, index, stored.sha256)
        finally:
            temporary.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
        return stored

    def new_files(self) -> tuple[Path, Path]:
        """Where rows and their index can be written before :meth:`adopt`; made by the caller."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{os.getpid()}-{uuid4().hex}.tmp"
        return temporary, temporary.with_suffix(".idx.tmp")

    def new_folder(self) -> Path:
        """A folder for what is needed while rows come; whoever asked for it takes it away."""
        folder = self.new_files()[0]
        folder.mkdir()
        return folder

    def adopt(self, data: Path, index: Path, sha256: str) -> None:
        """Take files of :meth:`new_files` into the library, under the hash of the rows."""
        if self._has_already(data, index, sha256):
            data.unlink()
            index.unlink()
            return
        index.replace(self.index_path(sha256))
        data.replace(self.path(sha256))

    def take_in(self, file: Path, sha256: str) -> int:
        """Move in a file of rows whose hash was checked, and index it; how many rows it has.

        ValueError where a line of it is no row.
        """
        temporary, index = self.new_files()
        try:
            with file.open("rb") as rows, index.open("wb") as offsets:
                count = _index_rows(rows, offsets)
            shutil.move(file, temporary)
            self.adopt(temporary, index, sha256)
        finally:
            temporary.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
        return count

    def _has_already(self, data: Path, index: Path, sha256: str) -> bool:
        """Whether the same rows are here whole, which are then as good as new for a sweep.

        They may be read at this moment, and Windows replaces no file that is.
        """
        pairs = ((data, self.path(sha256)), (index, self.index_path(sha256)))
        try:
            if any(new.stat().st_size != old.stat().st_size for new, old in pairs):
                return False
            for _new, old in pairs:
                os.utime(old)
        except FileNotFoundError:
            return False
        return True

    def sweep(self) -> None:
        """Remove what programs that were killed have left half written."""
        for path in self._folder.glob(".*.tmp"):
            owner = _OWNER.match(path.name)
            if owner is None or not psutil.pid_exists(int(owner.group(1))):
                _remove(path)

    def sweep_unknown(self, known: Collection[str]) -> None:
        """Remove rows that no dataset names: a program was killed before it could tell of them.

        Younger ones stay: their dataset may be about to be stored.
        """
        oldest = time.time() - _YOUNG_SECONDS
        for path in self._folder.glob("*.*"):
            if _ROW_FILE.fullmatch(path.name) and path.stem not in known:
                with contextlib.suppress(OSError):  # gone already, or held by another program
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def has(self, sha256: str) -> bool:
        """Whether the rows with this hash are here."""
        return self.path(sha256).exists() and self.index_path(sha256).exists()

    def put_aside(self, sha256: str) -> tuple[Path, Path]:
        """Move rows out of the library, to where a sweep finds them once this program has ended."""
        data, index = self.new_files()
        self.path(sha256).replace(data)
        try:
            self.index_path(sha256).replace(index)
        except OSError:
            data.replace(self.path(sha256))
            raise
        self._forget_tokens(sha256)
        return data, index

    def _forget_tokens(self, sha256: str) -> None:
        """What trainings and reports made of rows goes with them; it would be made anew."""
        for path in (self._folder.parent / TOKENS_FOLDER).glob(f"{sha256}-*"):
            with contextlib.suppress(OSError):  # a training reads it
                path.unlink()

    def put_back(self, aside: tuple[Path, Path], sha256: str) -> None:
        """Undo :meth:`put_aside`."""
        for path in aside:
            os.utime(path)  # a sweep of another program takes it for new, which it is here
        self.adopt(*aside, sha256)

    def rows(self, sha256: str, start: int, count: int) -> list[dict[str, Any]]:
        """``count`` rows from row ``start`` (from 0): one seek, however large the file is."""
        with self.index_path(sha256).open("rb") as offsets:
            offsets.seek(start * _OFFSET.size)
            found = offsets.read(_OFFSET.size)
        if len(found) < _OFFSET.size:
            return []
        with self.path(sha256).open("rb") as data:
            data.seek(_OFFSET.unpack(found)[0])
            return [json.loads(line) for line in islice(data, count)]

    def delete(self, sha256: str) -> None:
        """Remove the rows with this hash."""
        self.path(sha256).unlink(missing_ok=True)
        self.index_path(sha256).unlink(missing_ok=True)

    def place_into(self, sha256: str, folder: Path) -> Path:
        """Make the rows available in a run's data root, without a second copy where it can be."""
        target = folder / f"{sha256}.jsonl"
        if target.exists() and target.stat().st_size == self.path(sha256).stat().st_size:
            return target
        beside = DatasetStore(folder)
        beside.sweep()
        temporary = beside.new_files()[0]
        try:
            _link_or_copy(self.path(sha256), temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def index_path(self, sha256: str) -> Path:
        """Where the offsets of these rows lie, eight bytes for each."""
        return self._folder / f"{sha256}.idx"


def _write_rows(rows: Iterable[dict[str, Any]], data: BinaryIO, offsets: BinaryIO) -> StoredRows:
    digest, count, size = hashlib.sha256(), 0, 0
    for row in rows:
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        offsets.write(_OFFSET.pack(size))
        data.write(line)
        digest.update(line)
        count, size = count + 1, size + len(line)
    for file in (data, offsets):
        file.flush()
        os.fsync(file.fileno())
    return StoredRows(digest.hexdigest(), count, size)


def _index_rows(rows: BinaryIO, offsets: BinaryIO) -> int:
    count, size = 0, 0
    for line in rows:
        if not isinstance(json.loads(line), dict):
            raise ValueError(f"line {count + 1} is no row")  # noqa: TRY004 - bad content
        offsets.write(_OFFSET.pack(size))
        count, size = count + 1, size + len(line)
    offsets.flush()
    os.fsync(offsets.fileno())
    return count


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # held by another program: the next sweep gets it
            path.unlink()


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
