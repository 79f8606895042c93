"""Datasets are merged by weight, mixed by a seed, split and lose rows; the first ones stay."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.dataset import MergePart
from models.domain.errors import AppError
from tests.integration import library_world
from tests.integration.library_world import Row, all_rows, questions, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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


def plain(rows: Sequence[Row]) -> list[Row]:
    return [{k: v for k, v in row.items() if k not in {"dataset", "split"}} for row in rows]


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
