"""The widgets of Quick Local Inference by themselves: flowing text, code, answers side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QFontDatabase, QTextCursor

from models.domain.inference import INFERENCE_PRESETS, Answer, Exchange, InferenceRequest
from views.theme import current_theme
from views.widgets.exchange_card import SIDE_BY_SIDE, AnswerView, ExchangeCard
from views.widgets.flow_text import FlowText
from views.widgets.progress_ring import ProgressRing

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.usefixtures("themed")

REQUEST = InferenceRequest("Why?", INFERENCE_PRESETS["Deterministic"], "Deterministic", True, "So.")
CODE = "Like this:\n```python\nprint(1)\n```\nDone."


def _fonts(text: FlowText) -> list[str]:
    """The font family that each line stands in."""
    found = []
    block = text.document().firstBlock()
    while block.isValid():
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
        found.append(str((cursor.charFormat().fontFamilies() or [""])[0]))
        block = block.next()
    return found


def test_text_is_as_high_as_it_needs_to_be_and_wraps_anywhere(qtbot: QtBot) -> None:
    text = FlowText("one line")
    qtbot.addWidget(text)
    text.resize(200, text.height())
    text.show()
    one_line = text.height()
    text.set_text("x" * 400)
    assert text.height() > 5 * one_line
    assert text.document().size().width() <= 200
    text.resize(800, text.height())
    assert text.height() < 8 * one_line


def test_code_between_fences_stands_in_the_fixed_font_however_it_comes(qtbot: QtBot) -> None:
    whole, streamed = FlowText(CODE), FlowText()
    for text in (whole, streamed):
        qtbot.addWidget(text)
    for end in range(1, len(CODE) + 1):
        streamed.set_text(CODE[:end])
    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families()[0]
    assert _fonts(whole) == _fonts(streamed) == ["", fixed, fixed, fixed, ""]
    assert streamed.toPlainText() == CODE


def test_code_follows_a_change_of_theme(qtbot: QtBot) -> None:
    text = FlowText(CODE)
    qtbot.addWidget(text)
    for mode in ("dark", "light"):
        current_theme().set_mode(mode)
        block = text.document().firstBlock().next().next()
        ground = block.blockFormat().background().color().name().upper()
        assert ground == current_theme().tokens.hover.upper()


def test_a_selection_outlives_what_is_added(qtbot: QtBot) -> None:
    text = FlowText("Some words")
    qtbot.addWidget(text)
    cursor = text.textCursor()
    cursor.setPosition(0)
    cursor.setPosition(4, QTextCursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    text.set_text("Some words and more")
    assert text.textCursor().selectedText() == "Some"
    text.set_text("Other words")
    assert text.text() == text.toPlainText() == "Other words"


def test_two_answers_stand_side_by_side_where_there_is_room(qtbot: QtBot) -> None:
    card = ExchangeCard(Exchange(1, REQUEST, 0.0))
    qtbot.addWidget(card)
    card.resize(SIDE_BY_SIDE + 100, 300)
    card.show()
    tuned, base = card.findChildren(AnswerView)
    assert tuned.y() == base.y()
    assert tuned.x() < base.x()
    card.resize(SIDE_BY_SIDE - 100, 300)
    qtbot.waitUntil(lambda: tuned.y() < base.y())
    assert tuned.x() == base.x()


def test_an_answer_tells_how_it_came_to_its_end(qtbot: QtBot) -> None:
    exchange = Exchange(1, replace(REQUEST, compare=False), 0.0)
    card = ExchangeCard(exchange)
    qtbot.addWidget(card)
    (view,) = card.findChildren(AnswerView)
    assert (view.shown, view.note) == ("…", "Fine-tuned")
    for finish, words in (
        ("stop", ""),
        ("length", " · cut at the limit"),
        ("cancelled", " · cancelled"),
    ):
        answer = Answer("So it is.", 3, 0.5, finish)
        card.show_exchange(
            replace(exchange, texts={"adapter": answer.text}, answers={"adapter": answer})
        )
        assert (view.shown, view.note) == ("So it is.", f"Fine-tuned · 3 tokens · 0.5 s{words}")
    card.show_exchange(replace(exchange, is_over=True, error="No memory."))
    assert view.shown == "(no answer)"


def test_the_ring_turns_only_while_it_is_seen(qtbot: QtBot) -> None:
    ring = ProgressRing()
    qtbot.addWidget(ring)
    assert not ring.is_turning
    ring.show()
    first = ring.grab().toImage()
    qtbot.waitUntil(lambda: ring.grab().toImage() != first)
    ring.hide()
    assert not ring.is_turning
