"""A database in a file, empty for each test or shared."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty one. Its clock only counts: what is saved later is newer, however fast we are."""
    opened = Database.open(tmp_path / "temper.db", clock=itertools.count(100.0).__next__)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One for all tests of a file."""
    opened = Database.open(tmp_path_factory.mktemp("shared") / "temper.db")
    yield opened
    opened.close()


def edit(database: Database, sql: str, *values: object) -> None:
    """Change the file behind the program's back."""
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute(sql, values)
