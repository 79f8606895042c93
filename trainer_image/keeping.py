"""What is written stays: files that outlive a power cut, and folders that appear whole or not."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keep_files(folder: Path) -> None:
    """Wait until every file of a folder, and the folder itself, is on the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _sync(path)
        elif path.is_dir():
            keep_names(path)
    keep_names(folder)


def keep_names(folder: Path) -> None:
    """Wait until what was made, renamed or removed in a folder is on the disk."""
    with contextlib.suppress(OSError):  # Windows opens no folders, and keeps names by itself
        _sync(folder)


def publish(made: Path, folder: Path) -> None:
    """Give a finished folder its name. What had the name is aside before it is taken apart, so at
    every moment the name stands for a whole folder or for none."""
    keep_files(made)
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    made.rename(folder)
    keep_names(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
