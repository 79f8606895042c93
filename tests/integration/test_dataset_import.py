"""Importing real files: all rows or none, and bad input named by file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.errors import AppError
from services.dataset_store import DatasetStore
from services.datasets import SAMPLE_NAME, DatasetLibrary
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "sample.jsonl", 12)


@pytest.fixture
def library(tmp_path: Path, sample: Path) -> Iterator[DatasetLibrary]:
    database = Database.open(tmp_path / "temper.db")
    yield DatasetLibrary(database, DatasetStore(tmp_path / "datasets"), sample)
    database.close()


def write_jsonl(path: Path, rows: int) -> Path:
    lines = (json.dumps({"question": f"Q{n}?", "answer": f"A{n} ü"}) for n in range(rows))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def stored_files(tmp_path: Path) -> list[str]:
    folder = tmp_path / "datasets"
    return sorted(file.suffix for file in folder.iterdir()) if folder.exists() else []


def test_jsonl_is_imported_and_any_row_can_be_read(library: DatasetLibrary, tmp_path: Path) -> None:
    session = library.import_file(write_jsonl(tmp_path / "faq.jsonl", 1000))
    assert (session.name, session.rows, session.format) == ("faq", 1000, "question_answer")
    assert library.rows(session.id, 999, 5) == [{"question": "Q999?", "answer": "A999 ü"}]
    assert library.rows(session.id, 1000, 5) == []


def test_json_array_and_semicolon_csv_with_quoted_newline_and_bom(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    array = tmp_path / "a.json"
    array.write_text(json.dumps([{"prompt": "p", "completion": "c"}]), encoding="utf-8")
    table = tmp_path / "t.csv"
    table.write_bytes(b'\xef\xbb\xbfinput_text;output_text\r\n"two\nlines";"x;y"\r\n')
    assert library.import_file(array).format == "prompt_completion"
    session = library.import_file(table, name="Table")
    assert session.format == "input_output"
    assert library.rows(session.id, 0, 1) == [{"input_text": "two\nlines", "output_text": "x;y"}]


def test_same_rows_twice_are_one_file_and_survive_one_delete(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    file = write_jsonl(tmp_path / "faq.jsonl", 3)
    first, second = library.import_file(file), library.import_file(file)
    assert (first.sha256, first.name != second.name) == (second.sha256, True)
    library.delete(first.id)
    assert len(library.rows(second.id, 0, 10)) == 3
    library.delete(second.id)
    library.close()
    assert stored_files(tmp_path) == []


def test_the_sample_is_one_session_however_often_it_is_asked_for(library: DatasetLibrary) -> None:
    assert library.add_sample().id == library.add_sample().id
    assert library.add_sample().licence == "PSF-2.0"
    assert library.find(SAMPLE_NAME).rows == 12


def test_a_newer_sample_becomes_a_session_of_its_own(library: DatasetLibrary, sample: Path) -> None:
    first = library.add_sample()
    write_jsonl(sample, 13)
    second = library.add_sample()
    assert (second.id != first.id, second.rows) == (True, 13)
    assert len(library.rows(first.id, 0, 100)) == 12


def test_a_missing_file_is_named(library: DatasetLibrary, tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"no file .*nowhere\.jsonl"):
        library.import_file(tmp_path / "nowhere.jsonl")


def test_a_broken_line_37_is_named_and_nothing_is_left(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    file = write_jsonl(tmp_path / "faq.jsonl", 60)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[36] = lines[36][:-3]
    lines[49] = "[1, 2]"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(AppError) as caught:
        library.import_file(file)
    assert "line 37: Not valid JSON" in str(caught.value)
    assert "line 50: It is a list" in str(caught.value)
    assert str(file) in str(caught.value)
    assert library.list() == []
    assert stored_files(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n\n", "It has no rows"),
        ("latin.jsonl", b'{"text": "a"}\n{"text": "caf\xe9"}\n', "line 2: Not UTF-8 text"),
        ("array.json", b'[{"text": "a"},\n{"text": }]', "line 2"),
        ("short.csv", b"question,answer\na,b\nc\n", "line 3: It has 1 cell, the header has 2"),
        ("other.jsonl", b'{"foo": "a", "bar": 1}\n', "foo, bar"),
        ("mixed.jsonl", b'{"text": "a"}\n{"text": ""}\n', "line 2: 'text' is empty"),
        ("half.jsonl", b'{"text": "\\ud800"}\n', "line 1"),
        ("picture.png", b"x", "cannot be imported"),
    ],
)
def test_bad_files_are_refused_with_the_place(
    library: DatasetLibrary, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AppError, match=message):
        library.import_file(tmp_path / name)
    assert stored_files(tmp_path) == []


def test_cancel_leaves_nothing_behind(library: DatasetLibrary, tmp_path: Path) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        library.import_file(
            write_jsonl(tmp_path / "big.jsonl", 10_000),
            report=lambda _progress: cancel.cancel(),
            cancel=cancel,
        )
    assert library.list() == []
    assert stored_files(tmp_path) == []


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    library: DatasetLibrary, tmp_path: Path, mount: Callable[..., Path]
) -> None:
    mount(tmp_path / "datasets", "size=1m")
    with pytest.raises(AppError, match="disk is full") as caught:
        library.import_file(write_jsonl(tmp_path / "big.jsonl", 40_000))
    assert caught.value.kind == "disk_full"
    assert caught.value.hint
    assert stored_files(tmp_path) == []
    assert library.list() == []


def test_splits_of_the_rows_are_counted(library: DatasetLibrary, tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    rows = [{"text": str(n), "split": "held_out" if n < 2 else "train"} for n in range(5)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert library.import_file(file).splits == (("held_out", 2), ("train", 3))
