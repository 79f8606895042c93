"""Where a finding stands when an import has several files."""

from __future__ import annotations

import pytest

from models.domain.data_report import Finding
from models.domain.dataset_import import places
from models.qt.import_words import place_words


def finding(count: int, *found: tuple[str, int]) -> Finding:
    rows = tuple(range(len(found)))
    lines, files = tuple(line for _, line in found), tuple(file for file, _ in found)
    return Finding("major", "code", "Something is wrong.", count, rows, lines, files=files)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (finding(1, ("a.csv", 3)), "a.csv: Line 3"),
        (finding(9, ("a.csv", 3), ("a.csv", 4)), "a.csv: Lines 3, 4 and 7 more"),
        (finding(2, ("a.csv", 3), ("b.csv", 7)), "a.csv: Line 3; b.csv: Line 7"),
        (
            finding(9, ("a.csv", 3), ("a.csv", 4), ("b.csv", 7)),
            "a.csv: Lines 3 and 4; b.csv: Line 7, and 6 more",
        ),
    ],
)
def test_the_window_names_the_file_of_each_line(found: Finding, words: str) -> None:
    assert place_words(found) == words


def test_the_command_line_names_the_file_of_the_first_line() -> None:
    assert places(finding(3, ("a.csv", 3), ("b.csv", 1))) == "a.csv, line 3 and 2 more"
