"""Bytes on the disk as the disk counts them: blocks that are taken, each file once."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.storage import FileName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_BLOCK = 512
"""The unit of ``st_blocks``, whatever the file system's own is (POSIX, ``sys/stat.h``)."""


@dataclass(slots=True)
class Counter:
    """Adds up folders, and counts a file with several names where it is met first."""

    _seen: set[tuple[int, int]] = field(default_factory=set)

    def count(self, *paths: Path, without: Collection[Path] = ()) -> tuple[int, int]:
        """Bytes of these files and folders, and bytes of them that were counted before. Of what is
        in ``without`` nothing counts."""
        own = shared = 0
        left_out = frozenset(map(str, without))
        for name in (one for path in paths for one in file_names(path, left_out)):
            if name.inode in self._seen:
                shared += name.bytes
                continue
            if name.links > 1:
                self._seen.add(name.inode)
            own += name.bytes
        return own, shared


def file_names(path: Path, without: Collection[str] = ()) -> Iterator[FileName]:
    """Every file of a folder, or the file itself. Links are counted, never followed; what vanishes
    meanwhile, or cannot be read, is left out. The folders' own blocks are not counted."""
    pending = [str(path)]
    while pending:
        current = pending.pop()
        if current in without:
            continue
        try:
            if os.path.isdir(current) and not os.path.islink(current):  # noqa: PTH112, PTH114 - 50,000 of them
                pending += [entry.path for entry in os.scandir(current)]
            else:
                yield file_name(current)
        except OSError:
            continue


def file_name(path: str | Path) -> FileName:
    """One name of a file; OSError where there is none. Windows' ``scandir`` knows no links."""
    found = os.lstat(path)
    blocks = getattr(found, "st_blocks", None)
    size = found.st_size if blocks is None else blocks * _BLOCK
    return FileName((found.st_dev, found.st_ino), size, max(1, found.st_nlink))


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder that are no links, by name; none where it cannot be read."""
    with suppress(OSError):
        return sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink())
    return []


def nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there: on its disk it would lie."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
