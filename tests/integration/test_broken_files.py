"""Broken and odd files through the real import: each says what the corpus expects of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.dataset_import import ImportRefusedError
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from tests.data.broken.build import build
from tests.data.broken.table import CASES, LARGE, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
FILES = Path(__file__).parents[1] / "data" / "broken" / "files"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def library(home: Path) -> Iterator[DatasetLibrary]:
    database = Database.open(home / "temper.db")
    yield DatasetLibrary(database, DatasetStore(home / "datasets"), home / "none")
    database.close()


def content(home: Path) -> list[str]:
    """Everything in the database, and the names of the rows' files."""
    with closing(sqlite3.connect(home / "temper.db")) as database:
        dump = list(database.iterdump())
    folder = home / "datasets"
    return dump + sorted(path.name for path in folder.glob("*") if folder.exists())


def test_every_file_of_the_corpus_has_a_verdict() -> None:
    assert {path.name for path in FILES.iterdir()} == {case.name for case in CASES}
    assert len(CASES) + len(LARGE) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_gets_its_verdict(library: DatasetLibrary, home: Path, case: Case) -> None:
    check(library, home, case, FILES / case.name)


@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_a_large_file_gets_its_verdict(
    library: DatasetLibrary, home: Path, large: Path, case: Case
) -> None:
    check(library, home, case, large / case.name)


def check(library: DatasetLibrary, home: Path, case: Case, path: Path) -> None:
    if case.verdict == "major":
        check_refused(library, home, case, path)
        return
    session = library.import_file(path)
    assert (session.rows, session.format) == (case.rows, case.format)
    assert len(library.rows(session.id, 0, 10)) == min(10, case.rows)
    verdict = library.check_file(path)
    assert not verdict.is_refused
    codes = {finding.code: finding for finding in verdict.findings}
    assert codes.keys() == ({case.code} if case.code else set())
    if case.row is not None:
        assert (codes[case.code].rows[0], codes[case.code].lines[0]) == (case.row, case.line)


def check_refused(library: DatasetLibrary, home: Path, case: Case, path: Path) -> None:
    before = content(home)
    with pytest.raises(ImportRefusedError) as caught:
        library.import_file(path)
    assert content(home) == before
    major = {one.code: one for one in caught.value.verdict.findings if one.severity == "major"}
    assert case.code in major, major
    found = major[case.code]
    assert found.remedy
    assert found.message.endswith(".")
    if case.row is not None:
        assert found.rows[0] == case.row
    if case.line is not None:
        assert found.lines[0] == case.line
        assert f"line {case.line}" in str(caught.value) or len(major) == 1 == found.count
