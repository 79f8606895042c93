"""SQLite's errors as errors a person can act on; the only place that knows its codes."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from pathlib import Path

BACKUP_MARK = ".backup-"
"""Between a database's file name and the revision that the copy has."""

PARTIAL_SUFFIX = ".partial"
"""Of a copy that is being made."""

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FORBIDDEN = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_ALMOST_NOTHING = 256 * 1024


def translate(path: Path, error: BaseException) -> AppError | None:
    """The AppError that ``error`` of the database at ``path`` means; None for a bug of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    primary = code & 0xFF  # the upper bits say where in SQLite it happened
    if primary in _LOCKED:
        return locked(path, str(error))
    if primary in _DAMAGED:
        return damaged(path, str(error))
    if primary in _FORBIDDEN:
        return forbidden(path, str(error))
    if primary == sqlite3.SQLITE_FULL:
        return full(path, str(error))
    if primary == sqlite3.SQLITE_IOERR:
        return _unreliable(path, str(error))
    return None


def translate_os(path: Path, error: OSError) -> AppError:
    """The AppError for a folder or file that the operating system refuses."""
    if _is_full(path):
        return full(path, str(error))
    return forbidden(path, str(error))


def locked(path: Path, details: str = "") -> AppError:
    """Another process held the database for longer than we wait."""
    return AppError(
        "database_locked",
        f"The database {path} is in use by another program.",
        "Close other Temper windows and commands, then try again.",
        details,
    )


def damaged(path: Path, details: str = "") -> AppError:
    """The file cannot be read as our database."""
    move = f"Move {path.name}, {path.name}-wal and {path.name}-shm somewhere else"
    backup = newest_backup(path)
    next_step = (
        f"{move}, then rename the copy {backup.name} beside it to {path.name}."
        if backup
        else f"{move} to begin with an empty database."
    )
    return AppError(
        "database_damaged",
        f"The database {path} is damaged or is not a database of Temper.",
        f"The file is left as it is. {next_step}",
        details,
    )


def forbidden(path: Path, details: str = "") -> AppError:
    """The folder or the file may not be written, or the folder is none."""
    return AppError(
        "no_permission",
        f"The database {path} cannot be opened for writing.",
        f"Make sure that {path.parent} is a folder that you may write in.",
        details,
    )


def full(path: Path, details: str = "") -> AppError:
    """No space is left for the database; nothing of the unit of work is stored."""
    return AppError(
        "disk_full",
        f"The disk is full: the database {path} cannot be written.",
        "Free some space on this disk, then try again. What was stored before is safe.",
        details,
    )


def newest_backup(path: Path) -> Path | None:
    """The latest copy that an upgrade left beside the database, if its folder can be read."""
    try:
        beside = [item for item in path.parent.iterdir() if item.suffix != PARTIAL_SUFFIX]
        copies = [item for item in beside if item.name.startswith(path.name + BACKUP_MARK)]
        return max(copies, key=lambda copy: copy.stat().st_mtime, default=None)
    except OSError:
        return None


def _unreliable(path: Path, details: str) -> AppError:
    # SQLite reports a full disk as an input/output error where it cannot grow its shared memory.
    if _is_full(path):
        return full(path, details)
    return AppError(
        "disk_error",
        f"The disk reported an error while the database {path} was used.",
        "Check the disk or the network drive, then try again.",
        details,
    )


def _is_full(path: Path) -> bool:
    existing = next((part for part in path.parents if part.is_dir()), None)
    return existing is not None and shutil.disk_usage(existing).free < _ALMOST_NOTHING
