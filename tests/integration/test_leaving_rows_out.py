"""What an import offers to leave out can be left out: over every refused file of the corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.dataset_import import ImportOptions, ImportRefusedError
from models.qt.import_words import droppable
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from tests.data.broken.table import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
FILES = Path(__file__).parents[1] / "data" / "broken" / "files"
REFUSED = [case for case in CASES if case.verdict == "major"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatasetLibrary]:
    home = tmp_path_factory.mktemp("home")
    database = Database.open(home / "temper.db")
    yield DatasetLibrary(database, DatasetStore(home / "datasets"), home / "none")
    database.close()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_the_offer_to_leave_rows_out_is_kept(library: DatasetLibrary, case: Case) -> None:
    path = FILES / case.name
    verdict = library.check_file(path)
    wanted = ImportOptions(drop_bad_rows=True)
    if rows := droppable(verdict):
        assert library.import_file(path, options=wanted).rows == verdict.rows - rows
    else:
        with pytest.raises(ImportRefusedError):
            library.import_file(path, options=wanted)


def test_the_offer_is_made_at_all(library: DatasetLibrary) -> None:
    offered = [case for case in REFUSED if droppable(library.check_file(FILES / case.name))]
    assert len(offered) > 10


def test_a_line_that_is_no_json_may_be_corrected_or_left_out(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{broken\n', encoding="utf-8")
    with pytest.raises(ImportRefusedError) as caught:
        library.import_file(path)
    assert caught.value.hint.startswith("Correct these rows or leave them out")
