"""Work on many rows is whole or leaves nothing: cancelled, killed, on a full disk; exports too."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from models.domain.dataset import MergePart
from models.domain.errors import AppError
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.progress import Cancelled, CancelToken, Progress
from tests.integration import library_world
from tests.integration.library_world import questions, stored
from tests.processes import command_of, kill_once_it_works

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.db.database import Database
    from models.domain.dataset import DatasetSession

pytestmark = pytest.mark.slow
database, store, library, keep = (
    library_world.database,
    library_world.store,
    library_world.library,
    library_world.keep,
)


# Work that does not come to its end


def big(keep: Callable[..., DatasetSession]) -> DatasetSession:
    return keep("big", [{"text": f"{number} " + "long " * 100} for number in range(60_000)])


def test_a_cancelled_merge_leaves_nothing(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session, cancel = big(keep), CancelToken()
    files = stored(tmp_path)
    with pytest.raises(Cancelled):
        library.merge(
            [MergePart(session.id, 5), MergePart(session.id)],
            "m",
            report=lambda _progress: cancel.cancel(),
            cancel=cancel,
        )
    assert stored(tmp_path) == files
    assert library.list() == [session]


def test_a_killed_child_is_told_and_leaves_nothing(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = big(keep)
    files = stored(tmp_path)

    def kill(_progress: Progress) -> None:
        for child in psutil.Process().children():
            if "services.dataset_import.child" in command_of(child):
                child.kill()

    with pytest.raises(AppError, match="nothing was changed") as caught:
        library.merge([MergePart(session.id, 20)] * 2, "m", report=kill)  # no kill is too late
    assert caught.value.kind == "work_ended"
    assert stored(tmp_path) == files


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_when_the_program_is_killed_its_child_ends_and_takes_the_new_rows_away(
    keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = big(keep)
    files = stored(tmp_path)
    script = (
        "import sys; from pathlib import Path; from models.db.database import Database;"
        "from models.domain.dataset import MergePart;"
        "from services.dataset_store import DatasetStore;"
        "from services.datasets import DatasetLibrary; home = Path(sys.argv[1]);"
        "library = DatasetLibrary(Database.open(home / 'temper.db'),"
        " DatasetStore(home / 'datasets'), home);"
        f"library.merge([MergePart({session.id}, 50)] * 2, 'm', report=print)"
    )
    kill_once_it_works(script, tmp_path)
    assert stored(tmp_path) == files


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    database: Database, tmp_path: Path, mount: Callable[..., Path]
) -> None:
    mount(tmp_path / "datasets", "size=3m")
    library = DatasetLibrary(database, DatasetStore(tmp_path / "datasets"), tmp_path / "none")
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": "x" * 1000 + str(n)}) + "\n" for n in range(2000)))
    session = library.import_file(path)
    files = stored(tmp_path)
    with pytest.raises(AppError, match="disk is full") as caught:
        library.merge([MergePart(session.id), MergePart(session.id)], "m")
    assert caught.value.kind == "disk_full"
    assert stored(tmp_path) == files
    with pytest.raises(AppError, match="disk is full"):
        library.export(session.id, tmp_path / "datasets" / "out.jsonl")
    assert stored(tmp_path) == files


def test_progress_grows_to_the_end(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    session = big(keep)
    reports: list[Progress] = []
    library.split_off(session.id, percent=10, as_split=True, report=reports.append)
    fractions = [report.fraction or 0.0 for report in reports]
    assert len(fractions) > 1
    assert fractions == sorted(fractions)
    assert reports[-1] == Progress(1.0, "60,000 rows written")


# Export


def test_an_export_takes_the_place_of_a_file_only_when_it_is_whole(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = big(keep)
    target, cancel = tmp_path / "out.jsonl", CancelToken()
    target.write_text("mine")
    with pytest.raises(Cancelled):
        library.export(session.id, target, report=lambda _progress: cancel.cancel(), cancel=cancel)
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob(".*"))
    library.export(session.id, target)
    assert target.stat().st_nlink == 1, "editing it must not edit the library"
    assert library.import_file(target).sha256 == session.sha256
    with pytest.raises(AppError, match="is a folder"):
        library.export(session.id, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes among its files")
def test_an_export_goes_through_a_link_and_never_takes_the_place_of_a_device(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session, pipe, link = keep("faq", questions(3)), tmp_path / "pipe", tmp_path / "link.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(AppError, match="a device or a pipe") as caught:
        library.export(session.id, pipe)
    assert caught.value.hint
    assert pipe.is_fifo()
    link.symlink_to(tmp_path / "out.jsonl")
    library.export(session.id, link)
    assert link.is_symlink()
    assert (tmp_path / "out.jsonl").read_text().count("\n") == 3
    pipe.unlink()
    pipe.symlink_to(pipe)
    with pytest.raises(AppError, match="no name of a file"):
        library.export(session.id, pipe)


def test_an_export_may_have_as_long_a_name_as_the_disk_allows(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = keep("faq", questions(3))
    target = tmp_path / ("数" * 80 + ".jsonl")
    library.export(session.id, target)
    assert library.import_file(target).sha256 == session.sha256


def test_rows_that_are_gone_are_missed_in_words_by_whoever_needs_them(
    library: DatasetLibrary,
    keep: Callable[..., DatasetSession],
    store: DatasetStore,
    tmp_path: Path,
) -> None:
    session = keep("faq", questions(3))
    store.delete(session.sha256)
    for ask in (
        lambda: library.rows(session.id, 0, 1),
        lambda: library.find_row(session.id, "Q"),
        lambda: library.export(session.id, tmp_path / "out.jsonl"),
        lambda: library.without_rows(session.id, [0]),
        lambda: library.split_off(session.id, rows=1, as_split=True),
        lambda: library.place_into(session, tmp_path),
    ):
        with pytest.raises(AppError, match="no longer on the disk") as caught:
            ask()
        assert caught.value.kind == "not_found"


def test_rows_that_find_no_room_beside_a_run_are_a_sentence(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session, file = keep("faq", questions(3)), tmp_path / "file"
    file.touch()
    with pytest.raises(AppError, match="cannot be placed"):
        library.place_into(session, file / "datasets")
