"""Sticks whose file system takes no large file: most are sold with FAT32."""

from __future__ import annotations

import errno
from pathlib import Path

import psutil

from models.domain.errors import AppError
from services.offline_bundle.archive import size_words

MOST_IN_FAT = 2**32 - 1
"""Bytes of the longest file in FAT32 (Microsoft, "FAT32 File System Specification", 2000)."""
_FATS = {"vfat", "msdos", "fat", "fat32"}
"""As Linux, macOS and Windows name it; exFAT has no such limit."""


def refuse_too_large(folder: Path, size: int) -> None:
    """Raise AppError("too_large") where a folder's disk takes no file of ``size`` bytes."""
    if size > MOST_IN_FAT and _kind_of(folder) in _FATS:
        raise too_large(folder, f"no file of {size_words(size)}")


def too_large(folder: Path, what: str) -> AppError:
    """The error; ``what``: which file it does not take."""
    return AppError(
        "too_large",
        f"The disk of {folder} takes {what}: FAT32 ends at 4 GB.",
        "Format it as exFAT, choose another place, or put fewer configurations into each bundle.",
    )


def is_too_large(error: OSError) -> bool:
    """Whether the system says so while it writes."""
    return error.errno == errno.EFBIG


def _kind_of(folder: Path) -> str:
    """The kind of its file system, as the system names it; empty where it does not."""
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    real = folder.resolve()
    return next((mounts[one].lower() for one in (real, *real.parents) if one in mounts), "")
