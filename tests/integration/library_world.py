"""A library on a real database and real files, and what its tests ask of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.domain.dataset import DatasetSession

Row = dict[str, Any]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database in a file."""
    opened = Database.open(tmp_path / "temper.db")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    """Where the rows lie."""
    return DatasetStore(tmp_path / "datasets")


@pytest.fixture
def library(database: Database, store: DatasetStore, tmp_path: Path) -> DatasetLibrary:
    """The library over both."""
    return DatasetLibrary(database, store, tmp_path / "none")


@pytest.fixture
def keep(library: DatasetLibrary, tmp_path: Path) -> Callable[..., DatasetSession]:
    """Import rows under a name."""

    def keep(name: str, rows: Sequence[Row]) -> DatasetSession:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return library.import_file(path)

    return keep


def questions(count: int, mark: str = "") -> list[Row]:
    """Rows of the format question_answer, each of its own."""
    return [{"question": f"Q{n}{mark}?", "answer": f"A{n}{mark}."} for n in range(count)]


def stored(tmp_path: Path) -> list[str]:
    """The files in which rows lie."""
    return sorted(path.name for path in (tmp_path / "datasets").iterdir())


def all_rows(library: DatasetLibrary, session: DatasetSession) -> list[Row]:
    """Every row that a dataset has, as it is read."""
    rows = [dict(row) for row in library.rows(session.id, 0, session.rows + 1)]
    assert len(rows) == session.rows
    return rows
