"""``temper data mask`` and ``temper data check --model``, with the real worker."""

from __future__ import annotations

import csv
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from app.cli.state import services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import TrainerHome

pytestmark = pytest.mark.slow

TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
ROWS = [
    {"question": "Who 🐍?", "answer": "Me."},
    {"question": "Which token?", "answer": "<|im_end|> it is."},
    {"question": "How long?", "answer": "word " * 3000},
    {"question": "long " * 3000, "answer": "Never reached."},
]


@pytest.fixture
def temper(invoke: Callable[..., Result], trainer_home: TrainerHome) -> Callable[..., str]:
    """``temper data …`` with the real model."""

    def run(*arguments: object, code: int = 0) -> str:
        model = ("--model", trainer_home.model)
        return invoke("data", *arguments, *model, code=code).stdout

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    path.write_text("\n".join([lines[0], "", *lines[1:]]))
    return path


def test_the_mask_of_a_row(temper: Callable[..., str], file: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = json.loads(temper("mask", file, "--row", 0, "--json"))
    assert found["text"].endswith("Who 🐍?<|im_end|>\n<|im_start|>assistant\nMe.<|im_end|>\n")
    assert len(found["input_ids"]) == len(found["labels"])
    assert len(found["texts"]) == 1
    assert "⟦Me.<|im_end|>⟧" in temper("mask", file, "--row", 0)
    assert "⟧\n(cut after 64 of" in temper("mask", file, "--row", 2, "--max-length", 64)
    template = tmp_path / "own.jinja"
    template.write_text(TEMPLATE)
    own = temper("mask", file, "--row", 0, "--template", template)
    assert own == "user: Who 🐍?\n⟦assistant: Me.\n<|im_end|>⟧\n"
    temper("mask", file, "--row", 9, code=1)
    temper("mask", file, "--row", 1, code=1)


def test_a_file_is_checked_with_a_model(temper: Callable[..., str], file: Path) -> None:
    found: dict[str, Any] = json.loads(temper("check", file, "--json", code=1))
    problems = {
        (one["severity"], one["code"], one["row"], one["line"]) for one in found["problems"]
    }
    assert {
        ("major", "control_token", 1, 3),
        ("minor", "truncated", 2, 4),
        ("major", "nothing_learnt", 3, 5),
    } <= problems
    stats = found["stats"]["model"]
    assert (stats["rows"], stats["refused"], stats["without_answer"]) == (4, 1, 1)
    assert "control_token" in temper("check", file, code=1)


def test_the_rows_and_lines_are_those_of_the_file_whatever_it_is(
    temper: Callable[..., str], tmp_path: Path
) -> None:
    token, cut = ROWS[1], ROWS[3]
    table = tmp_path / "rows.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["question", "answer"])
        writer.writeheader()
        writer.writerow({"question": "Of two\nlines?", "answer": "Yes."})
        writer.writerows([token, cut])
    document = tmp_path / "rows.json"
    document.write_text(json.dumps([ROWS[0], token, cut], indent=1))
    archive = tmp_path / "rows.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("rows.csv", table.read_bytes())
    for path, lines in ((table, (4, 5)), (document, (6, 10)), (archive, (4, 5))):
        found: dict[str, Any] = json.loads(temper("check", path, "--json", code=1))
        places = {(one["code"], one["row"], one["line"]) for one in found["problems"]}
        assert {("control_token", 1, lines[0]), ("nothing_learnt", 2, lines[1])} <= places, path


def test_rows_that_are_left_out_count_where_others_are_named(
    temper: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    bad = {"question": "Q", "answer": ""}
    path.write_text("\n".join(json.dumps(row) for row in (ROWS[0], bad, ROWS[1])))
    found: dict[str, Any] = json.loads(temper("check", path, "--drop-bad-rows", "--json", code=1))
    places = {(one["code"], one["row"], one["line"]) for one in found["problems"]}
    assert {("empty_value", 1, 2), ("control_token", 2, 3)} <= places
    found = json.loads(temper("check", path, "--json", code=1))
    assert "model" not in found["stats"]


def test_nothing_of_a_look_stays(temper: Callable[..., str], file: Path, tmp_path: Path) -> None:
    temper("mask", file, "--row", 0)
    temper("check", file, code=1)
    assert not list((tmp_path / "home" / "data" / "datasets").iterdir())
    assert services().datasets.list() == []


def test_what_cannot_be_read_is_told_before_a_model_is_asked(
    temper: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "Q", "answer": "A"}\n{oops\n')
    found: dict[str, Any] = json.loads(temper("check", path, "--json", code=1))
    assert "model" not in found["stats"]
    assert any(one["severity"] == "major" for one in found["problems"])
