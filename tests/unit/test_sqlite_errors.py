"""SQLite's error codes become the errors that the program explains; bugs stay bugs."""

from __future__ import annotations

import shutil
import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from models.db.sqlite_errors import translate, translate_os

if TYPE_CHECKING:
    from pathlib import Path


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, "database_locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "database_locked"),
        (sqlite3.SQLITE_FULL, "disk_full"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "database_damaged"),
        (sqlite3.SQLITE_NOTADB, "database_damaged"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "no_permission"),
        (sqlite3.SQLITE_CANTOPEN, "no_permission"),
        (sqlite3.SQLITE_IOERR_READ, "disk_error"),
    ],
)
def test_known_codes_have_their_kind(tmp_path: Path, code: int, kind: str) -> None:
    error = translate(tmp_path / "temper.db", sqlite_error(code))
    assert error is not None
    assert error.kind == kind
    assert str(tmp_path / "temper.db") in error.message
    assert error.hint
    assert error.details == "as SQLite says it"


def test_other_errors_are_bugs(tmp_path: Path) -> None:
    assert translate(tmp_path / "temper.db", sqlite_error(sqlite3.SQLITE_CONSTRAINT)) is None
    assert translate(tmp_path / "temper.db", sqlite3.ProgrammingError("no code")) is None
    assert translate(tmp_path / "temper.db", ValueError("not SQLite")) is None


def test_a_full_disk_is_told_as_such_whatever_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=0))
    error = translate(tmp_path / "temper.db", sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE))
    assert error is not None
    assert error.kind == "disk_full"
    assert translate_os(tmp_path / "no" / "temper.db", OSError("full")).kind == "disk_full"


def test_a_folder_that_is_gone_is_no_second_error(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "temper.db"
    error = translate(path, sqlite_error(sqlite3.SQLITE_CORRUPT))
    assert error is not None
    assert error.kind == "database_damaged"
