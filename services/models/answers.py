"""What a Hub answers is not believed before it becomes paths: any server may be named as one."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from services.models.notes import ModelNote

_REVISION = re.compile(r"[0-9a-f]{40}")
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""Git's SHA-1, or the SHA-256 of a large file."""
_SHOWN = 100


def refuse_odd(note: ModelNote) -> None:
    """AppError("bad_answer") where a revision or a hash is none, or a file's name leads out of the
    folder that it is for, on any system."""
    if not _REVISION.fullmatch(note.revision):
        raise _odd(note.repo, "its revision", note.revision)
    for file in note.files:
        if not _stays_inside(file.name):
            raise _odd(note.repo, "the name of a file of it", file.name)
        if not _HASH.fullmatch(file.hash):
            raise _odd(note.repo, f"the hash of {file.name}", file.hash)


def _stays_inside(name: str) -> bool:
    here, windows = PurePosixPath(name), PureWindowsPath(name)
    is_fixed = here.is_absolute() or bool(windows.anchor)
    return bool(here.name) and "\0" not in name and not is_fixed and ".." not in windows.parts


def _odd(repo: str, what: str, said: str) -> AppError:
    return AppError(
        "bad_answer",
        f"What Hugging Face says of {repo} cannot be used: {what} is {said[:_SHOWN]!r}.",
        "Check HF_ENDPOINT, and whether something between here and Hugging Face changes answers.",
    )
