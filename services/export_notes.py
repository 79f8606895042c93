"""Remembers which exports go on, so that what a killed program left beside a folder is found.

A note lies in the program's own folder and names the place; whoever exports there holds its lock,
as does the child that merges. The note proves that a leftover is ours, the free lock that nobody
fills it any more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.environment.folder_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_MOST = 65_536
"""Bytes of a note that are read: more than any path has."""


def new_folder(path: Path) -> Path:
    """Where an export is filled before it gets its name."""
    return path.with_name(f".{path.name}.temper-export")


def old_folder(path: Path) -> Path:
    """Where an earlier export lies while another takes its name."""
    return path.with_name(f".{path.name}.temper-before")


class ExportNotes:
    """Blocking and thread-safe. ``folder`` is this program's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def holding(self, path: Path) -> Iterator[int]:
        """Note an export to ``path`` as long as it goes on; yields the lock, for a child that
        works on it (``pass_fds``). AppError("busy") where another one goes there."""
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
        note = self._folder / f"{digest}.json"
        descriptor = try_lock(note)
        if descriptor is None:
            message = f"Another export to {path} goes on."
            raise AppError("busy", message, "Wait until it has ended, or choose another folder.")
        try:
            _write(descriptor, path)
            yield descriptor
        finally:
            is_settled = path.parent.is_dir() and not _left(path)
            _let_go(note, descriptor, is_settled=is_settled)

    def sweep(self) -> None:
        """Settle what killed exports left: half-filled folders go, an earlier export whose place
        was to be taken gets it back. What cannot be settled now is tried again later."""
        for note in sorted(self._folder.glob("*.json")):
            descriptor = try_lock(note)
            if descriptor is not None:
                path = _read(descriptor)
                _let_go(note, descriptor, is_settled=path is None or _settle(path))


def _settle(path: Path) -> bool:
    """Whether nothing is left; a disk that is not there now may come back."""
    if not path.parent.is_dir():
        return False
    new, old = new_folder(path), old_folder(path)
    if old.is_dir() and not path.exists():
        with suppress(OSError):
            old.rename(path)
    for folder in (new, old) if path.exists() else (new,):
        shutil.rmtree(folder, ignore_errors=True)
    if new.exists() or old.exists():
        logger.warning("what an export left beside %s cannot be removed yet", path)
    return not _left(path)


def _left(path: Path) -> bool:
    return new_folder(path).exists() or old_folder(path).exists()


def _write(descriptor: int, path: Path) -> None:
    os.truncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps({"path": str(path)}).encode())
    os.fsync(descriptor)


def _read(descriptor: int) -> Path | None:
    """The place that a note names; None for one whose program was killed before it was written,
    and so before anything was made."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        path = Path(str(json.loads(os.read(descriptor, _MOST))["path"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if path.is_absolute() else None


def _let_go(note: Path, descriptor: int, *, is_settled: bool) -> None:
    """Remove the note while it is held, save on Windows, where that cannot be."""
    if sys.platform == "win32":
        os.close(descriptor)
    if is_settled:
        with suppress(OSError):
            note.unlink(missing_ok=True)
    if sys.platform != "win32":
        os.close(descriptor)
