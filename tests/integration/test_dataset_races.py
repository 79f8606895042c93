"""Two programs, or a program and its end, at the rows of the library at the same moment."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from models.db.database import Database
from models.domain.errors import AppError
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.rows_aside import rows_aside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "temper.db")
    yield opened
    opened.close()


@pytest.fixture
def library(database: Database, tmp_path: Path) -> DatasetLibrary:
    return DatasetLibrary(database, DatasetStore(tmp_path / "datasets"), tmp_path / "none")


@pytest.fixture
def faq(tmp_path: Path) -> Path:
    path = tmp_path / "faq.jsonl"
    path.write_text('{"question": "Q?", "answer": "A."}\n', encoding="utf-8")
    return path


def test_a_program_killed_at_a_delete_never_leaves_a_dataset_without_its_rows(
    library: DatasetLibrary, faq: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = library.import_file(faq)
    put_aside = DatasetStore.put_aside

    def killed(store: DatasetStore, sha256: str) -> Any:
        put_aside(store, sha256)
        raise SystemExit

    monkeypatch.setattr(DatasetStore, "put_aside", killed)
    with pytest.raises(SystemExit):
        library.delete(session.id)
    assert library.list() == []


def test_rows_that_somebody_reads_do_not_hinder_a_delete(
    library: DatasetLibrary, faq: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = library.import_file(faq)

    def held(_store: DatasetStore, _sha256: str) -> Any:
        raise PermissionError(13, "The file is used by another process")

    monkeypatch.setattr(DatasetStore, "put_aside", held)
    library.delete(session.id)
    assert library.list() == []
    assert library.restore(session) == session
    assert len(library.rows(session.id, 0, 5)) == 1


def test_rows_that_are_deleted_while_they_are_imported_again_are_missed_at_once(
    library: DatasetLibrary, faq: Path
) -> None:
    session = library.import_file(faq)

    def delete(_verdict: object) -> None:
        library.delete(session.id)

    with pytest.raises(AppError, match="deleted at the same time") as caught:
        library.import_file(faq, on_verdict=delete)
    assert caught.value.hint
    assert library.list() == []
    library.restore(session)
    assert len(library.rows(session.id, 0, 5)) == 1


def test_rows_that_are_here_already_are_not_replaced_for_somebody_may_read_them(
    library: DatasetLibrary, faq: Path, tmp_path: Path
) -> None:
    session = library.import_file(faq)
    rows = tmp_path / "datasets" / f"{session.sha256}.jsonl"
    os.utime(rows, (0, 0))
    before = rows.stat()
    library.import_file(faq)
    assert rows.stat().st_ino == before.st_ino
    assert rows.stat().st_mtime > before.st_mtime, "another program's sweep takes them for new"
    assert len(list(rows.parent.iterdir())) == 2


def test_rows_that_were_cut_short_are_mended_by_an_import(
    library: DatasetLibrary, faq: Path, tmp_path: Path
) -> None:
    session = library.import_file(faq)
    rows = tmp_path / "datasets" / f"{session.sha256}.jsonl"
    rows.write_bytes(b"{")
    library.import_file(faq)
    assert library.rows(session.id, 0, 1) == [{"question": "Q?", "answer": "A."}]


def test_what_a_killed_look_at_a_file_left_beside_the_rows_of_a_run_goes_with_the_next(
    library: DatasetLibrary, faq: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, folder = library.import_file(faq), tmp_path / "data" / "datasets"
    remove = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda *_args, **_more: None)  # as if it were killed
    with rows_aside(library, faq, tmp_path / "data"):
        pass
    monkeypatch.setattr(shutil, "rmtree", remove)
    library.place_into(session, folder)
    assert len(list(folder.iterdir())) == 2, "this program is at it still"
    monkeypatch.setattr(psutil, "pid_exists", lambda pid: pid != os.getpid())
    with rows_aside(library, faq, tmp_path / "data"):
        assert len(list(folder.iterdir())) == 2
    assert [path.name for path in folder.iterdir()] == [f"{session.sha256}.jsonl"]
