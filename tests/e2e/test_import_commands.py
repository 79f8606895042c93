"""``temper data check`` and ``temper data import`` of files: documents, words, exit codes."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow
GOOD = '{"question":"Why?","answer":"So."}\n'
BAD = GOOD + '{"question":"a","answer":""}\n{bad\n'


@pytest.fixture
def temper(command_line: Callable[..., Any]) -> Callable[..., Any]:
    """``temper data``."""
    return partial(command_line, "data")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.jsonl"
    path.write_text(BAD, encoding="utf-8")
    return str(path)


def test_a_check_is_one_document_and_imports_nothing(temper: Callable[..., Any], bad: str) -> None:
    document = temper("check", bad, "--json", code=1)
    assert (document["format"], document["rows"]) == ("question_answer", 3)
    assert document["problems"] == [
        {"severity": "major", "code": "empty_value", "row": 1, "line": 2,
         "message": "'answer' is empty."},
        {"severity": "major", "code": "invalid_json", "row": 2, "line": 3,
         "message": "Not valid JSON: Expecting property name enclosed in double quotes"
         " at column 2."},
    ]  # fmt: skip
    assert document["stats"] == {
        "usable_rows": 1,
        "columns": ["question", "answer"],
        "splits": {},
    }
    assert temper("list", "--json") == []


def test_a_refused_import_names_the_lines_and_can_leave_them_out(
    temper: Callable[..., Any], bad: str
) -> None:
    said = temper("import", bad, code=1)
    assert "line 2: 'answer' is empty." in said
    assert "line 3: Not valid JSON" in said
    document = temper("import", bad, "--json", code=1)
    assert document["error"]["kind"] == "bad_dataset"
    assert [problem["line"] for problem in document["error"]["problems"]] == [2, 3]
    session = temper("import", bad, "--drop-bad-rows", "--name", "Rest", "--json")
    assert (session["name"], session["rows"]) == ("Rest", 1)


def test_columns_are_mapped_on_the_command_line_and_remembered(
    temper: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "german.csv"
    path.write_text("Frage;Antwort\nWie?;So.\n", encoding="utf-8")
    assert "question=Frage, answer=Antwort" in temper("import", str(path), code=1)
    mapped = ("--map", "question=Frage", "--map", "answer=Antwort")
    session = temper("import", str(path), *mapped, "--json")
    assert session["mapping"] == "question=Frage, answer=Antwort"
    assert session["columns"] == ["Frage", "Antwort"]
    assert temper("show", str(session["id"]), "--json")["session"] == session
    assert "is no mapping" in temper("import", str(path), "--map", "Frage", code=2)
    assert "no role 'qestion'" in temper("import", str(path), "--map", "qestion=Frage", code=2)


def test_a_folder_and_plain_text(temper: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("# One\n\nText.\n\n# Two\n\nMore.\n", encoding="utf-8")
    (folder / "b.txt").write_text("Alone.\n", encoding="utf-8")
    assert temper("import", str(folder), "--json")["rows"] == 3
    assert temper("check", str(folder), "--text", "documents", "--json")["rows"] == 2
    assert temper("check", str(folder), "--text", "paragraphs", "--json")["rows"] == 5
    assert "unknown" in temper("check", str(folder), "--text", "words", code=2)


def test_of_several_files_the_one_with_the_fault_is_named(
    temper: Callable[..., Any], tmp_path: Path
) -> None:
    folder, archive = tmp_path / "parts", tmp_path / "parts.zip"
    (folder / "more").mkdir(parents=True)
    for name, text in (("a.jsonl", GOOD * 3), ("b.csv", ""), ("more/c.jsonl", BAD)):
        (folder / name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.rglob("*.*"):
            packed.write(path, path.relative_to(folder).as_posix())
    for source in (folder, archive):
        assert "more/c.jsonl, line 2: " in temper("import", str(source), code=1)
        found = temper("check", str(source), "--json", code=1)["problems"]
        places = [(one["file"], one["row"], one["line"]) for one in found]
        assert places == [("more/c.jsonl", 4, 2), ("more/c.jsonl", 5, 3)]


def test_no_name_is_not_the_folder_that_the_program_was_started_in(
    temper: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.jsonl").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert "No file is named" in temper("import", "", code=2)
    assert temper("import", ".", "--json")["rows"] == 1


def test_what_cannot_be_reached_is_a_sentence(temper: Callable[..., Any], tmp_path: Path) -> None:
    assert "no file" in temper("check", str(tmp_path / "none.jsonl"), code=1)
    assert "is no dataset" in temper("import", "hf:", code=2)
    assert "training environment" in temper("import", "hf:me/rows", code=1)


def test_the_earlier_programs_database_brings_datasets_and_configurations(
    temper: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "old.db"
    hp = {"base_model": "me/model", "epochs": "2", "db_session_id": "1", "pin_memory": True}
    document = json.dumps({"hp": hp, "meta": {"train_target": "local"}})
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE training_configs (name TEXT, config_json TEXT);"
            "CREATE TABLE scraped_pairs (session_id INTEGER, input_text TEXT, output_text TEXT);"
            "INSERT INTO scraped_pairs VALUES (1, 'Why?', 'So.'), (2, 'How?', 'Thus.');"
        )
        database.execute("INSERT INTO training_configs VALUES ('Mine', ?)", (document,))
        database.commit()
    done = temper("import", str(path), "--name", "Old", "--json")
    assert [one["name"] for one in done["datasets"]] == ["Old: Session 1", "Old: Session 2"]
    assert [one["name"] for one in done["configs"]] == ["Mine"]
    assert done["notes"] == ["Mine: hp.pin_memory has no counterpart here."]
    shown = CliRunner().invoke(app, ["config", "import", str(path)])
    assert shown.exit_code == 0
    assert "Saved as Mine (2)." in shown.stdout
    assert len(temper("list", "--json")) == 2
