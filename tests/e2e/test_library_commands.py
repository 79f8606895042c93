"""``temper data`` on the library: rename, duplicate, find, merge, split, export, delete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow


@pytest.fixture
def temper(command_line: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """On a home with two datasets."""
    for name, rows in (
        ("Faq", [{"question": f"Why {n}?", "answer": f"So {n}, Ü."} for n in range(10)]),
        ("Chat", [{"prompt": f"Go {n}", "completion": f"Gone {n}"} for n in range(4)]),
    ):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        command_line("data", "import", str(path))
    return command_line


def names(temper: Callable[..., Any], *more: str) -> list[str]:
    return [one["name"] for one in temper("data", "list", *more, "--json")]


def test_the_list_can_be_searched(temper: Callable[..., Any]) -> None:
    assert names(temper) == ["Chat", "Faq"]
    assert names(temper, "--search", "FAQ question_answer") == ["Faq"]
    assert names(temper, "--search", "nothing") == []


def test_a_rename_is_followed_by_the_setups_that_name_the_dataset(
    temper: Callable[..., Any], tmp_path: Path
) -> None:
    setup = tmp_path / "setup.yaml"
    setup.write_text("version: 1\ndataset:\n  source: Database Session\n  session: faq\n")
    temper("config", "import", str(setup), "--name", "Mine")
    assert temper("data", "rename", "Faq", "Questions", "--json")["name"] == "Questions"
    assert temper("config", "show", "Mine", "--json")["dataset"]["session"] == "Questions"
    assert "already" in temper("data", "rename", "Questions", "chat", code=2)
    assert "needs a name" in temper("data", "rename", "Questions", "  ", code=2)
    assert "There are: Chat, Questions" in temper("data", "rename", "Nothing", "x", code=1)


def test_a_copy_a_search_and_a_delete(temper: Callable[..., Any]) -> None:
    assert temper("data", "duplicate", "Faq", "--json")["name"] == "Faq (copy)"
    assert temper("data", "duplicate", "Faq", "--name", "Chat", code=2)
    found = temper("data", "find", "Faq", "so 7, ü", "--json")
    assert found == {"row": 7, "values": {"question": "Why 7?", "answer": "So 7, Ü."}}
    assert "No row" in temper("data", "find", "Faq", "so 7", "--from", "8", code=1)
    assert "--yes" in temper("data", "delete", "Faq", code=2)
    assert temper("data", "delete", "1", "--yes", "--json") == {"deleted": 1}
    assert names(temper) == ["Faq (copy)", "Chat"]
    assert "Why 0?" in temper("data", "show", "Faq (copy)")


def test_datasets_are_merged_with_weights_and_tell_what_they_are_made_of(
    temper: Callable[..., Any],
) -> None:
    made = temper("data", "merge", "Faq:0.5", "Chat:2", "--name", "Both", "--in-order", "--json")
    assert (made["name"], made["rows"], made["format"]) == ("Both", 13, "messages")
    shown = temper("data", "show", "Both", "--rows", "1", "--from", "12")
    assert "part: Faq, weight 0.5, 5 rows, licence not known" in shown
    assert "part: Chat, weight 2, 8 rows" in shown
    row = json.loads(shown.splitlines()[-1])
    assert (row["messages"][1]["content"], row["dataset"]) == ("Gone 3", "Chat")
    assert "two datasets" in temper("data", "merge", "Faq", code=2)
    assert "no weight" in temper("data", "merge", "Faq:0", "Chat", code=2)
    assert "There is no dataset" in temper("data", "merge", "Faq", "No:3", code=1)


def test_rows_are_held_out_in_a_column_or_in_a_dataset_of_their_own(
    temper: Callable[..., Any],
) -> None:
    (one,) = temper("data", "split", "Faq", "--percent", "20", "--json")
    assert one["splits"] == [["held_out", 2], ["train", 8]]
    two = temper("data", "split", "Faq", "--rows", "3", "--two", "--json")
    assert [(each["name"], each["rows"]) for each in two] == [
        ("Faq (train)", 7), ("Faq (held out)", 3),
    ]  # fmt: skip
    assert "percentage or a number" in temper("data", "split", "Faq", code=2)
    assert "cannot be split off" in temper("data", "split", "Faq", "--rows", "10", code=2)
    assert "is no share" in temper("data", "split", "Faq", "--percent", "100", code=2)


def test_an_export_is_imported_to_the_same_rows(temper: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    document = temper("data", "export", "Faq", str(file), "--json")
    assert document == {"dataset": 1, "file": str(file), "format": "jsonl"}
    again = temper("data", "import", str(file), "--json")
    assert again["sha256"] == temper("data", "show", "Faq", "--json")["session"]["sha256"]
    assert "known format" in temper("data", "export", "Faq", str(tmp_path / "out.csv"), code=2)
    assert "no format" in temper(
        "data", "export", "Faq", str(file), "--format", "csv", code=2
    )  # fmt: skip
    no_environment = temper("data", "export", "Faq", str(tmp_path / "out.parquet"), code=1)
    assert "training environment" in no_environment
    assert not (tmp_path / "out.parquet").exists()
    assert "no folder" in temper("data", "export", "Faq", str(tmp_path / "no" / "x.jsonl"), code=1)


def test_rows_are_printed_where_the_system_writes_another_alphabet(
    temper: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"text": "\\ud83d\\ude00 \\u00fc"}\n', encoding="utf-8")
    temper("data", "import", str(path))
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "app", "data", "show", "odd", "--json"],
        cwd=Path(__file__).parents[2],
        env={key: value for key, value in os.environ.items() if key != "PYTHONIOENCODING"} | plain,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout.decode())["rows"] == [{"text": "\N{GRINNING FACE} ü"}]
