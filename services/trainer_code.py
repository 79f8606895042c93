"""The trainer's code as it travels: an immutable copy per version, named by its hash.

A run keeps the copy it was started with, so an update of the program in the middle of a run changes
nothing for it, and the run's record says which code it was.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainerCode:
    """A folder to put on ``PYTHONPATH``, and the SHA-256 of the code in it."""

    folder: Path
    sha256: str


def place_trainer_code(source: Path, shelf: Path) -> TrainerCode:
    """Copy ``source`` (the ``trainer_image`` package) to ``shelf`` unless it is there already."""
    files = sorted(source.glob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    folder = shelf / digest.hexdigest()[:16]
    if not folder.exists():
        _copy(files, folder, source.name)
    return TrainerCode(folder, digest.hexdigest())


def _copy(files: list[Path], folder: Path, package: str) -> None:
    temporary = folder.with_name(f".{uuid4().hex}.tmp")
    (temporary / package).mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, temporary / package / file.name)
    try:
        temporary.rename(folder)
    except OSError:  # another process was faster with the same code
        shutil.rmtree(temporary)
