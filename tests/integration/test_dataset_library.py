"""The library's own work on datasets: names, copies, an undone delete, a search."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from services.configs import ConfigStore
from services.progress import Cancelled, CancelToken
from tests.integration import library_world
from tests.integration.library_world import all_rows, questions, stored
from trainer_image.contract import TOKENS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.db.database import Database
    from models.domain.dataset import DatasetSession
    from services.dataset_store import DatasetStore
    from services.datasets import DatasetLibrary

pytestmark = pytest.mark.slow
database, store, library, keep = (
    library_world.database,
    library_world.store,
    library_world.library,
    library_world.keep,
)


# Names


@pytest.mark.parametrize("reference", ["faq", " FAQ ", "1"])
def test_a_renamed_dataset_is_still_the_one_of_saved_configurations(
    library: DatasetLibrary,
    database: Database,
    keep: Callable[..., DatasetSession],
    reference: str,
) -> None:
    session, other = keep("faq", questions(3)), keep("other", questions(4))
    configs = ConfigStore(database)
    setup = with_values(TrainingConfig(), {"dataset.session": reference, "hp.epochs": 7.0})
    saved = configs.save("Mine", setup)
    untouched = configs.save("Its own", with_values(setup, {"dataset.session": "other"}))
    assert library.rename(session.id, "Questions").name == "Questions"
    seen, config = configs.load(saved.id)
    assert library.find(config.dataset.session).id == session.id
    assert seen == saved, "whoever has it open may save over it"
    assert config.hp.epochs == 7
    assert library.find(configs.load(untouched.id)[1].dataset.session) == other


def test_a_name_of_digits_is_referred_to_by_number(
    library: DatasetLibrary, database: Database, keep: Callable[..., DatasetSession]
) -> None:
    keep("one", questions(1))
    session = keep("two", questions(2))
    configs = ConfigStore(database)
    saved = configs.save("Mine", with_values(TrainingConfig(), {"dataset.session": "two"}))
    library.rename(session.id, "1")
    assert configs.load(saved.id)[1].dataset.session == "2"
    library.rename(session.id, "three")
    assert configs.load(saved.id)[1].dataset.session == "2"


def test_a_name_that_is_taken_in_any_case_is_refused_and_nothing_changes(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    first, second = keep("first", questions(1)), keep("second", questions(2))
    for name in ("First", "  first "):
        with pytest.raises(AppError) as caught:
            library.rename(second.id, name)
        assert caught.value.kind == "name_taken"
    assert library.rename(first.id, "FIRST").name == "FIRST"
    assert library.get(second.id) == second


def test_a_copy_shares_the_rows_and_outlives_the_first(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = keep("faq", questions(3))
    files = stored(tmp_path)
    copy = library.duplicate(session.id)
    assert (copy.name, copy.sha256, stored(tmp_path)) == ("faq (copy)", session.sha256, files)
    assert library.duplicate(session.id).name == "faq (copy) (2)"
    library.delete(session.id)
    assert all_rows(library, copy) == questions(3)
    with pytest.raises(AppError) as caught:
        library.duplicate(copy.id, "faq (copy) (2)")
    assert caught.value.kind == "name_taken"


# Delete and undo


def test_a_delete_is_undone_with_its_number_and_name(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    session = keep("faq", questions(3))
    assert library.delete(session.id) == session
    assert library.list() == []
    assert library.restore(session) == session
    assert all_rows(library, session) == questions(3)
    assert library.restore(session) == session, "twice is once"


def test_with_its_rows_go_the_tokens_that_were_made_of_them(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    one, other = keep("one", questions(3)), keep("other", questions(4))
    copied = library.duplicate(one.id)
    folder = tmp_path / TOKENS_FOLDER
    folder.mkdir(parents=True)
    names = [f"{session.sha256}-{key}.tokens" for session in (one, other) for key in "ab"]
    for name in names:
        (folder / name).write_bytes(b"x")
    library.delete(one.id)
    assert len(list(folder.iterdir())) == 4, "the copy has them still"
    library.delete(copied.id)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names[2:])


def test_a_name_that_was_taken_meanwhile_gets_a_number(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    session = keep("faq", questions(3))
    library.delete(session.id)
    keep("faq", questions(4))
    restored = library.restore(session)
    assert restored == replace(session, name="faq (2)")
    assert all_rows(library, restored) == questions(3)


def test_of_two_with_the_same_rows_both_can_be_restored(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    first, second = keep("faq", questions(3)), keep("again", questions(3))
    library.delete(first.id)
    library.delete(second.id)
    assert library.restore(first) == first
    assert library.restore(second) == second
    assert all_rows(library, second) == questions(3)


def test_rows_that_were_imported_anew_meanwhile_do_not_hinder_an_undo(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    session = keep("faq", questions(3))
    library.delete(session.id)
    again = keep("faq", questions(3))
    library.restore(session)
    library.delete(again.id)
    library.close()
    assert all_rows(library, session) == questions(3)


def test_once_the_library_is_closed_a_delete_is_final(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = keep("faq", questions(3))
    library.delete(session.id)
    library.close()
    assert stored(tmp_path) == []
    with pytest.raises(AppError, match="no longer there") as caught:
        library.restore(session)
    assert caught.value.hint
    assert library.list() == []


def test_what_a_killed_program_deleted_is_swept_and_other_programs_files_stay(
    library: DatasetLibrary,
    keep: Callable[..., DatasetSession],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, kept = keep("faq", questions(3)), keep("kept", questions(4))
    library.delete(session.id)
    library.sweep()
    assert len(stored(tmp_path)) == 4, "it can still be undone"
    monkeypatch.setattr(psutil, "pid_exists", lambda pid: pid != os.getpid())
    library.sweep()
    assert stored(tmp_path) == [f"{kept.sha256}.idx", f"{kept.sha256}.jsonl"]


def test_rows_that_no_dataset_names_are_swept_when_they_are_an_hour_old(
    library: DatasetLibrary, store: DatasetStore, keep: Callable[..., DatasetSession]
) -> None:
    session = keep("faq", questions(3))
    old, young = store.write(questions(5)), store.write(questions(6))
    for one in (old.sha256, session.sha256):
        for path in (store.path(one), store.index_path(one)):
            os.utime(path, (0, time.time() - 4000))
    library.sweep()
    assert [store.has(one.sha256) for one in (session, old, young)] == [True, False, True]
    assert not store.index_path(old.sha256).exists()


# Search


def test_a_row_is_found_by_what_its_values_say(library: DatasetLibrary, tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(
        '{"text": "one\\ntwo", "n": 12345}\n'
        '{"text": "Stra\\u00dfe \\u0041bc"}\n'
        '{"text": "say \\"hi\\"", "more": [{"deep": "Ünder"}]}\n'
        '{"text": "text and more"}\n',
        encoding="utf-8",
    )
    session = library.import_file(path)

    def find(text: str, start: int = 0, *, backwards: bool = False) -> int | None:
        return library.find_row(session.id, text, start, backwards=backwards)

    assert find("e\nt") == 0
    assert find("ntwo") is None, "a line break is no n"
    assert find("234") == 0
    assert find("STRASSE") == find("aBC") == 1
    assert find('"HI"') == find("üNDER") == 2
    assert find("more") == 3, "the name of a column is no value"
    assert find("text", 3) == find("text", 3, backwards=True) == 3
    assert find("t", 2, backwards=True) == 1
    assert find("t", 4) is find("t", -1, backwards=True) is find("") is find("nothing") is None
    assert find("one", 99, backwards=True) == 0


def test_search_walks_through_many_rows_in_both_directions(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    rows = [{"text": f"row {n} " + "x" * (n % 7 * 300)} for n in range(9000)]
    rows[5]["text"] = rows[8999]["text"] = "Needle"
    session = keep("many", rows)
    assert library.find_row(session.id, "needle") == 5
    assert library.find_row(session.id, "needle", 6) == 8999
    assert library.find_row(session.id, "needle", 8998, backwards=True) == 5
    assert library.find_row(session.id, "row 4321 ", 8000, backwards=True) == 4321
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        library.find_row(session.id, "needle", cancel=cancel)
