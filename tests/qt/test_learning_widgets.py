"""The parts of "What it will learn": marked text, the lengths, one finding."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QLabel, QPushButton

from models.domain.data_gate import Remedy, RemedyKind
from models.domain.data_report import Finding, Histogram, TokenView
from tests.qt.conftest import destroy
from tests.qt.fake_learning import GOOD
from views.theme import current_theme
from views.widgets.finding_card import FindingCard
from views.widgets.length_histogram import LengthHistogram, length_words
from views.widgets.token_text import MOST_DRAWN, TokenText

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

ROOT = Path(__file__).parents[2]
VIEW = TokenView(
    text="Hi 🐍\nYes.\n",
    input_ids=(10, 11, 12, 13, 2, 14),
    labels=(-100, -100, -100, 13, 2, -100),
    pieces=(("Hi ", False), ("🐍\n", False), ("Yes.", True), ("<end>", True), ("\n", False)),
    length=6,
    max_length=2048,
    sizes=(1, 2, 1, 1, 1),
    controls=(3,),
)


@pytest.fixture
def text(qapp: QApplication, themed: None) -> Iterator[TokenText]:
    made = TokenText()
    current_theme().dress(made)
    made.resize(400, 300)
    made.show()
    yield made
    destroy(made)


def test_every_token_is_found_where_it_stands_beyond_letters_of_two_units(text: TokenText) -> None:
    text.show_texts((VIEW,))
    assert text.toPlainText() == "Hi 🐍↵\nYes.<end>↵\n"
    seen = []
    for place in range(len(text.pieces)):
        text.go_to(place)
        assert text.current is not None
        seen.append(text.current.piece.text)
        cursor = text.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor)
        assert seen[-1].startswith(cursor.selectedText()[:1].strip("\u2029↵"))
    assert seen == ["Hi ", "🐍\n", "Yes.", "<end>", "\n"]


def test_what_is_copied_has_line_breaks_instead_of_their_signs(text: TokenText) -> None:
    text.show_texts((VIEW,))
    text.selectAll()
    text.copy()
    assert QGuiApplication.clipboard().text() == "Hi 🐍\nYes.<end>\n"


COPY_AND_END = """
from pathlib import Path
from PySide6.QtWidgets import QApplication
from views.theme import current_theme
from views.widgets.token_text import TokenText
application = QApplication(["temper", "-style", "fusion"])
theme = current_theme()
theme.prepare("light")
theme.start(Path("resources/icons"))
text = TokenText()
text.show_raw("Row 1", "So.")
text.selectAll()
text.copy()
print(QApplication.clipboard().text())
"""


def test_a_program_whose_text_was_copied_ends_well() -> None:
    """What Python itself put on the clipboard is destroyed after Python, which crashes."""
    arguments = [sys.executable, "-c", COPY_AND_END]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "So." in done.stdout
    assert done.returncode == 0, done.stderr


def test_what_is_cut_off_stands_struck_out_behind_a_line(text: TokenText) -> None:
    cut = replace(VIEW, text="Hi 🐍\nYes. And more.", length=9, max_length=6)
    text.show_texts((cut,))
    lines = text.toPlainText().split("\n")
    assert " Cut here at 6 tokens: 3 tokens are not learnt" in lines
    assert lines[-1] == " And more."
    cursor = text.textCursor()
    cursor.movePosition(QTextCursor.MoveOperation.End)
    assert cursor.charFormat().fontStrikeOut()


def test_texts_of_one_row_have_titles(text: TokenText) -> None:
    text.show_texts((VIEW, VIEW))
    plain = text.toPlainText()
    assert plain.startswith(" Text 1 of 2, learnt for its answer\nHi ")
    assert "\n Text 2 of 2, learnt for its answer\nHi " in plain
    text.go_to(len(text.pieces) - 2)
    assert text.current is not None
    assert text.current.piece.text == "<end>"


def test_an_endless_row_is_drawn_in_part(text: TokenText) -> None:
    count = MOST_DRAWN + 7
    pieces = (("a ", False),) * count
    ids = (1,) * count
    endless = TokenView("a " * count, ids, (-100,) * count, pieces, count, count, ids, ())
    text.show_texts((endless,))
    assert len(text.pieces) == MOST_DRAWN
    assert text.toPlainText().endswith("7 more tokens, not drawn here\n")


@pytest.fixture
def histogram(qapp: QApplication, themed: None) -> Iterator[LengthHistogram]:
    made = LengthHistogram()
    made.resize(400, 116)
    yield made
    destroy(made)


def test_bars_are_as_high_as_their_counts_and_none_is_unseen(histogram: LengthHistogram) -> None:
    lengths = Histogram((0, 100, 200, 300, 400), (10_000, 5_000, 0, 1))
    histogram.show_report(replace(GOOD, lengths=lengths, max_length=200, truncated=1))
    first, second, third, last = histogram.bars()
    assert second.height() == pytest.approx(first.height() / 2)
    assert third.isEmpty()
    assert last.height() >= 2
    assert histogram.limit_x == pytest.approx(200)
    assert "1 row is longer than 200 and cut" in histogram.accessibleDescription()
    histogram.grab()  # paints


def test_a_limit_beyond_all_texts_is_not_drawn(histogram: LengthHistogram) -> None:
    histogram.show_report(GOOD)
    assert histogram.limit_x is None
    assert "nothing is cut" in histogram.accessibleDescription()


def test_lengths_in_words() -> None:
    lengths = Histogram((0, 10, 20, 30), (5, 4, 1))
    words = length_words(replace(GOOD, lengths=lengths))
    assert words.startswith("Half of the texts have at most 9 tokens, nine of ten at most 19.")
    nothing = replace(GOOD, lengths=Histogram((), ()))
    assert length_words(nothing) == "There is no text."


def test_a_finding_names_some_rows_and_counts_the_others(qapp: QApplication, themed: None) -> None:
    finding = Finding("minor", "email", "It holds an address.", 30, tuple(range(20)), (1,) * 20)
    remedy = Remedy(RemedyKind.DROP, "Leave these 30 rows out", "A new one is made.", ("email",))
    card = FindingCard(finding, (remedy,))
    asked: list[object] = []
    card.row_requested.connect(asked.append)
    chosen: list[tuple[object, object]] = []
    card.remedy_requested.connect(lambda *what: chosen.append(what))
    buttons = card.findChildren(QPushButton)
    buttons[7].click()
    buttons[-1].click()
    assert asked == [7]
    assert chosen == [(finding, remedy)]
    assert buttons[-1].toolTip() == "A new one is made."
    assert " and 22 more" in [label.text() for label in card.findChildren(QLabel)]
    destroy(card)
