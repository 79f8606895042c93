"""An import in words: places, remedies, and what the Hub offers instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.data_report import Finding
from models.domain.dataset_import import ImportOptions, ImportVerdict
from models.domain.import_job import ImportJob, ImportRefusal, PastedText
from models.qt.import_words import (
    asks_for_mapping,
    droppable,
    hub_choices,
    place_words,
    refusal_sentence,
)
from services.dataset_import.pipeline import Reading

if TYPE_CHECKING:
    from pathlib import Path


def finding(count: int, *lines: int, remedy: str = "drop", severity: str = "major") -> Finding:
    rows = tuple(range(len(lines)))
    words = "Something is wrong."
    return Finding(severity, "code", words, count, rows, lines, remedy, remedy == "drop")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (finding(1), ""),
        (finding(1, 7), "Line 7"),
        (finding(3, 7, 8, 1200), "Lines 7, 8 and 1,200"),
        (finding(2000, *range(1, 21)), "Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1,990 more"),
        (finding(2, 0, 0), "Rows 1 and 2"),
    ],
)
def test_places_are_named_by_line_where_there_are_lines(found: Finding, words: str) -> None:
    assert place_words(found) == words


def test_leaving_rows_out_is_offered_where_others_remain() -> None:
    both = (finding(3, 1, 2, 3), finding(2, 4, 5), finding(9, 6, severity="minor"))
    assert droppable(ImportVerdict(10, 5, "text", both)) == 5
    assert droppable(ImportVerdict(5, 0, "text", both)) == 0
    fix = (*both, finding(1, 6, remedy="fix"))
    assert droppable(ImportVerdict(10, 4, "text", fix)) == 0


def test_columns_are_asked_for_only_where_there_are_some() -> None:
    found = (finding(1, remedy="map"),)
    assert asks_for_mapping(ImportVerdict(10, 0, "", found, columns=("a", "b")))
    assert not asks_for_mapping(ImportVerdict(0, 0, "", found))


def test_a_refusal_says_how_much_is_wrong_and_that_nothing_changed() -> None:
    verdict = ImportVerdict(1200, 1100, "text", (finding(3, 1, 2, 3), finding(1, 9)))
    words = refusal_sentence(ImportRefusal(ImportJob(PastedText("x")), verdict))
    assert words == "2 kinds of problems in 4 of 1,200 rows. The library is as it was before."


@pytest.mark.parametrize(
    ("message", "choices"),
    [
        (
            "me/x: BuilderConfig 'nope' not found. Available: ['main', 'socratic'] Name one.",
            ("config", ("main", "socratic")),
        ),
        ("me/config has no split 'dev'. Unknown split \"dev\". Should be one of ['train', 'test'].",
         ("split", ("train", "test"))),
        ("me/x is not on Hugging Face, or is private.", ("", ())),
        ("me/x: Config name is missing. Please pick one among the available configs: ['a']",
         ("config", ("a",))),
    ],
)  # fmt: skip
def test_what_the_hub_has_instead_is_found_in_its_words(
    message: str, choices: tuple[str, tuple[str, ...]]
) -> None:
    assert hub_choices(message) == choices


def test_several_rows_of_a_table_are_shown_to_whoever_names_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "umfrage.csv"
    path.write_text("Frage,Reaktion\n" + "".join(f"Warum {n}?,Darum {n}.\n" for n in range(9)))
    verdict = Reading(path, ImportOptions(), lambda _rows, _bytes: None, None).run()
    assert [row["Frage"] for row in verdict.samples] == ["Warum 0?", "Warum 1?", "Warum 2?"]
