"""The files below a folder, however deep it is, and however its links run."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator


def files_below(folder: Path) -> Iterator[Path]:
    """Ordinary files, in no order; folders that are links are not entered, so none comes twice.

    OSError where a folder may not be read.
    """
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif (path := Path(entry.path)).is_file():
                    yield path


def require_readable(path: Path) -> None:
    """AppError unless it is a file or a folder: a pipe or a device may never end."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise AppError(
            "not_found", f"There is no file {path}.", "Check the name and the folder."
        ) from None
    except (OSError, ValueError) as error:
        raise AppError(
            "io", f"{str(path)[:200]} cannot be read: {_reason(error)}.", "Check the name."
        ) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise AppError(
            "io",
            f"{path} is neither a file nor a folder.",
            "Save what comes out of it as a file, and import that.",
        )


def _reason(error: OSError | ValueError) -> str:
    return str(error.strerror if isinstance(error, OSError) else error)
