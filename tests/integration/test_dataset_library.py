"""The library's own work on datasets: names, copies, merges, splits, exports, an undone delete."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import MergePart
from models.domain.errors import AppError
from services.configs import ConfigStore
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.progress import Cancelled, CancelToken, Progress
from tests.processes import command_of
from trainer_image.contract import TOKENS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models.domain.dataset import DatasetSession

ROOT = Path(__file__).parents[2]
Row = dict[str, Any]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "temper.db")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets")


@pytest.fixture
def library(database: Database, store: DatasetStore, tmp_path: Path) -> DatasetLibrary:
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
    return [{"question": f"Q{n}{mark}?", "answer": f"A{n}{mark}."} for n in range(count)]


def stored(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "datasets").iterdir())


def all_rows(library: DatasetLibrary, session: DatasetSession) -> list[Row]:
    rows = [dict(row) for row in library.rows(session.id, 0, session.rows + 1)]
    assert len(rows) == session.rows
    return rows


def plain(rows: Sequence[Row]) -> list[Row]:
    return [{k: v for k, v in row.items() if k not in {"dataset", "split"}} for row in rows]


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


# Merge


def test_a_merge_takes_each_row_as_often_as_its_weight_says(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    a, b, c = (keep(name, questions(10, name)) for name in "abc")
    parts = [MergePart(a.id), MergePart(b.id, 2.5), MergePart(c.id, 0.3)]
    merged = library.merge(parts, "All")
    rows = all_rows(library, merged)
    assert Counter(row["dataset"] for row in rows) == {"a": 10, "b": 25, "c": 3}
    counts = Counter(row["question"] for row in rows)
    assert {counts[row["question"]] for row in questions(10, "a")} == {1}
    assert Counter(counts[row["question"]] for row in questions(10, "b")) == {2: 5, 3: 5}
    assert Counter(counts[row["question"]] for row in questions(10, "c")) == {0: 7, 1: 3}
    assert merged.format == "question_answer"
    assert [(part.name, part.rows, part.weight) for part in merged.parts] == [
        ("a", 10, 1.0), ("b", 25, 2.5), ("c", 3, 0.3),
    ]  # fmt: skip
    assert library.get(merged.id) == merged, "the database has all of it"


def test_a_merge_is_mixed_by_its_seed_or_in_order(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    a, b = keep("a", questions(20, "a")), keep("b", questions(20, "b"))
    parts = [MergePart(a.id, 0.5), MergePart(b.id, 2)]
    first, again, other = (library.merge(parts, "m", seed=seed) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256
    assert first.sha256 != other.sha256
    origins = [row["dataset"] for row in all_rows(library, first)]
    assert origins not in (sorted(origins), sorted(origins, reverse=True))
    ordered = all_rows(library, library.merge(parts, "o", shuffle=False))
    assert plain(ordered[10:]) == questions(20, "b") * 2
    chosen = [questions(20, "a").index(row) for row in plain(ordered[:10])]
    assert chosen == sorted(set(chosen))


def test_conversations_in_different_formats_become_messages(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    call = {"type": "function", "function": {"name": "now", "arguments": {}}}
    tools = [{"type": "function", "function": {"name": "now", "parameters": {}}}]
    chat = {
        "messages": [
            {"role": "user", "content": "Time?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "12"},
            {"role": "assistant", "content": "Noon."},
        ],
        "tools": tools,
    }
    formats: list[Row] = [
        chat,
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"instruction": "Add", "input": "1 2", "output": "3", "system": "Be brief."},
        {"prompt": "p", "completion": "c", "split": "train"},
        {"question": "q", "answer": "a", "id": 10**30},
        {"input_text": "i", "output_text": "o"},
    ]
    sessions = [keep(str(number), [row]) for number, row in enumerate(formats)]
    merged = library.merge([MergePart(one.id) for one in sessions], "All", shuffle=False)
    rows = all_rows(library, merged)
    assert merged.format == "messages"
    assert merged.splits == (("train", 1),)
    assert rows[0] == {**chat, "dataset": "0"}
    assert rows[1]["messages"][1] == {"role": "assistant", "content": "b"}
    assert [message["role"] for message in rows[2]["messages"]] == ["system", "user", "assistant"]
    assert rows[2]["messages"][1]["content"] == "Add\n\n1 2"
    assert rows[4] == {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        "id": 10**30,
        "dataset": "4",
    }
    assert "system" not in rows[2]


def test_a_column_called_messages_beside_another_format_is_not_taken_for_the_conversation(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    odd = keep("odd", [{"question": "Q", "answer": "A", "messages": None}])
    chat = keep("chat", [{"prompt": "p", "completion": "c"}])
    merged = library.merge([MergePart(odd.id), MergePart(chat.id)], "m", shuffle=False)
    assert [one["content"] for one in all_rows(library, merged)[0]["messages"]] == ["Q", "A"]


@pytest.mark.parametrize("other", [{"text": "t"}, {"prompt": "p", "chosen": "c", "rejected": "r"}])
def test_what_does_not_go_together_is_refused(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], other: Row
) -> None:
    first, second, third = keep("a", questions(2)), keep("b", [other]), keep("c", [other])
    with pytest.raises(AppError, match="cannot be merged") as caught:
        library.merge([MergePart(first.id), MergePart(second.id)], "x")
    assert "only go with their own kind" in caught.value.hint
    assert library.merge([MergePart(second.id), MergePart(third.id)], "x").rows == 2
    for weight in (0.0, -1.0, float("nan"), float("inf"), 101.0):
        with pytest.raises(AppError, match="is no weight"):
            library.merge([MergePart(first.id, weight), MergePart(first.id)], "x")


def test_licences_of_parts_are_joined(
    library: DatasetLibrary, database: Database, keep: Callable[..., DatasetSession]
) -> None:
    sessions = [keep(name, questions(2, name)) for name in "abc"]
    with database.unit_of_work() as uow:
        for session, licence in zip(sessions, ("MIT", "", "MIT"), strict=True):
            uow.datasets.delete(session.id)
            uow.datasets.put_back(replace(session, licence=licence))
        uow.commit()
    merged = library.merge([MergePart(one.id) for one in sessions], "m")
    assert merged.licence == "MIT + unknown"
    assert [part.licence for part in merged.parts] == ["MIT", "", "MIT"]
    unknown = library.merge([MergePart(sessions[1].id)] * 2, "u")
    assert (unknown.licence, unknown.rows) == ("", 4)


def test_rows_keep_letter_by_letter_what_a_merge_does_not_change(
    library: DatasetLibrary, store: DatasetStore, tmp_path: Path
) -> None:
    path = tmp_path / "odd.jsonl"
    lines = [
        '{"text": "\\u00fc", "n": 123456789012345678901234567890, "x": 1.0}',
        '{"text":"b","dataset":"mine", "n": 123456789012345678901234567890}',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    session = library.import_file(path)
    merged = library.merge([MergePart(session.id)] * 2, "m", shuffle=False)
    first, second = store.path(merged.sha256).read_text("utf-8").splitlines()[:2]
    assert first.startswith(store.path(session.sha256).read_text("utf-8").splitlines()[0][:-1])
    assert json.loads(second) == {"text": "b", "n": int("1234567890" * 3), "dataset": "odd"}


# Split and drop


@pytest.mark.parametrize(("wanted", "held_out"), [({"percent": 10.0}, 20), ({"rows": 3}, 3)])
def test_rows_are_held_out_and_the_dataset_stays(
    library: DatasetLibrary,
    keep: Callable[..., DatasetSession],
    wanted: dict[str, Any],
    held_out: int,
) -> None:
    session = keep("faq", questions(200))
    (one,) = library.split_off(session.id, **wanted, as_split=True)
    rows = all_rows(library, one)
    assert plain(rows) == questions(200), "in their order"
    assert one.splits == (("held_out", held_out), ("train", 200 - held_out))
    train, test = library.split_off(session.id, **wanted, as_split=False)
    assert (train.rows, test.rows) == (200 - held_out, held_out)
    assert all_rows(library, test) == plain([r for r in rows if r["split"] == "held_out"])
    assert library.get(session.id) == session
    other = library.split_off(session.id, **wanted, as_split=False, seed=1)[1]
    assert all_rows(library, other) != all_rows(library, test)


def test_rows_that_say_the_same_stay_on_one_side(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    pairs = questions(50) + [dict(reversed(row.items())) for row in questions(50)]
    session = keep("twice", pairs)
    merged = library.merge([MergePart(session.id), MergePart(session.id, 2)], "m")
    train, test = library.split_off(merged.id, percent=20, as_split=False)
    texts = [{row["question"] for row in all_rows(library, one)} for one in (train, test)]
    assert not texts[0] & texts[1]
    assert test.rows == 60
    assert [part.rows for part in test.parts] == [60, 60]


def test_rows_that_say_all_the_same_cannot_be_split(
    library: DatasetLibrary, keep: Callable[..., DatasetSession], tmp_path: Path
) -> None:
    session = keep("same", questions(1) * 5)
    files = stored(tmp_path)
    with pytest.raises(AppError, match="say all the same"):
        library.split_off(session.id, rows=2, as_split=True)
    assert stored(tmp_path) == files
    nearly = keep("nearly", questions(1) * 5 + questions(1, "x"))
    _, test = library.split_off(nearly.id, rows=3, as_split=False)
    assert test.rows in {1, 5}


def test_an_earlier_split_is_replaced(
    library: DatasetLibrary, keep: Callable[..., DatasetSession]
) -> None:
    session = keep("faq", [{**row, "split": "old"} for row in questions(10)])
    (one,) = library.split_off(session.id, rows=4, as_split=True)
    assert dict(one.splits) == {"held_out": 4, "train": 6}


def test_rows_are_left_out(library: DatasetLibrary, keep: Callable[..., DatasetSession]) -> None:
    session = keep("faq", questions(10))
    rest = library.without_rows(session.id, {0, 9, 4})
    assert rest.name == "faq (cleaned)"
    assert all_rows(library, rest) == [r for n, r in enumerate(questions(10)) if n not in {0, 4, 9}]
    assert all_rows(library, session) == questions(10)
    for rows in ([10], [-1], [], range(10)):
        with pytest.raises(AppError) as caught:
            library.without_rows(session.id, rows)
        assert caught.value.kind == "bad_use"
        assert caught.value.hint


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
        library.split_off(session.id, percent=10, as_split=False, report=kill)
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
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-u", "-c", script, str(tmp_path)]
    program = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    with program, program.stdout:
        assert "rows" in program.stdout.readline()
        children = psutil.Process(program.pid).children()
        program.send_signal(signal.SIGKILL)
    assert children
    assert psutil.wait_procs(children, timeout=10)[1] == []
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
