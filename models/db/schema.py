"""The database's schema over time: which revision a file has, its copy, its upgrade.

Alembic costs half a second to import, so it is imported only where a file is really upgraded.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.db.sqlite_errors import BACKUP_MARK, PARTIAL_SUFFIX, damaged, translate, translate_os
from models.domain.errors import AppError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_HEADER = struct.Struct(">16s H 6x I I 60x I 4x")
_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Migrations:
    """A folder of Alembic migrations and the revisions in it, oldest first."""

    folder: Path
    revisions: tuple[str, ...]

    @property
    def head(self) -> str:
        """The revision that this program works with."""
        return self.revisions[-1]


MIGRATIONS = Migrations(
    Path(__file__).resolve().parent / "migrations",
    ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"),
)
"""Ours. A new migration's revision is added here too; a test compares this with the folder."""


def prepare(path: Path, timeout: float) -> str | None:
    """Make the folder and return the revision of the file in it; None if there is nothing yet.

    The file is not changed by this, so one that is refused later is left exactly as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size == 0:
            return None
        _check_length(path)
    except OSError as error:
        raise translate_os(path, error) from error
    try:
        return _read_revision(path, timeout)
    except sqlite3.Error as error:
        raise translate(path, error) or damaged(path, str(error)) from error


def upgrade(engine: Engine, path: Path, migrations: Migrations) -> None:
    """Bring the file to the newest revision in one transaction, after copying it.

    ``engine`` must not enforce foreign keys: altering a table copies and drops it, and dropping
    the old ``runs`` would otherwise delete every metric with it.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        old = _revision_of(connection)
        if old == migrations.head:  # another process was faster
            return
        if old is not None:
            _copy(path, path.with_name(f"{path.name}{BACKUP_MARK}{old}"))
        _run_alembic(connection, migrations)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise damaged(path, f"foreign keys without a row after the upgrade: {broken[:5]}")
        connection.commit()


def check_known(path: Path, revision: str | None, migrations: Migrations) -> None:
    """Refuse a file of a later program, which this one could only break."""
    if revision is not None and revision not in migrations.revisions:
        raise AppError(
            "newer_version",
            f"The database {path} belongs to a newer version of Temper (revision {revision}).",
            "Update Temper. The file is left as it is.",
        )


def _check_length(path: Path) -> None:
    # SQLite takes a file of one byte for an empty database, and misses a cut inside a last page.
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise damaged(path, "no SQLite header")
    _, page_size, changes, pages, valid_for = _HEADER.unpack(head)
    expected = (65536 if page_size == 1 else page_size) * pages
    wal = path.with_name(path.name + "-wal")
    in_wal = wal.exists() and wal.stat().st_size > 0  # what is missing may still lie there
    if changes == valid_for and not in_wal and path.stat().st_size < expected:
        raise damaged(path, f"{path.stat().st_size} of {expected} bytes")


def _read_revision(path: Path, timeout: float) -> str | None:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=timeout)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "alembic_version" in tables:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    if tables:
        raise damaged(path, f"another program's tables: {', '.join(sorted(tables)[:5])}")
    return None


def _revision_of(connection: Connection) -> str | None:
    known = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if connection.exec_driver_sql(known).first() is None:
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return str(row[0]) if row else None


def _copy(source: Path, target: Path) -> None:
    # SQLite's own backup, not a file copy: committed rows may still be in the write-ahead log.
    partial = target.with_name(target.name + PARTIAL_SUFFIX)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(partial)) as new:
            old.backup(new)
        partial.replace(target)
    except sqlite3.Error as error:
        raise translate(target, error) or error from error
    except OSError as error:
        raise translate_os(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _run_alembic(connection: Connection, migrations: Migrations) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()  # no ini file and no fileConfig: logging is ours
    # ConfigParser would read a % in the path as the start of a reference.
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, migrations.head)
