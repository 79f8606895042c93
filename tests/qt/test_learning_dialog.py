"""What it will learn: rows with their loss mask, all rows in numbers, and large text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QPushButton, QWidget

from models.domain.errors import AppError
from tests.qt import learning_steps
from tests.qt.fake_learning import GOOD, NO_ANSWER
from tests.qt.fakes import make_session
from tests.qt.learning_steps import CUT, press, text_of
from views.theme import current_theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from tests.qt.fake_learning import FakeLearning
    from views.dialogs.learning_dialog import LearningDialog

pytestmark = pytest.mark.slow
learning, dialog, large_text = (
    learning_steps.learning,
    learning_steps.dialog,
    learning_steps.large_text,
)


def test_it_opens_beside_the_window_with_the_first_row_and_all_rows(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert "will learn from Support answers" in text_of(dialog, "title")
    assert learning.rows_read == [(0, None)]
    assert len(learning.counted) == 1
    assert dialog.row.text.toPlainText() == "Row 0?Yes."
    assert "40% of the tokens" in text_of(dialog, "share")
    assert text_of(dialog, "nothing").startswith("Nothing.")
    assert "Every row was looked at" in text_of(dialog, "source")


def test_what_is_known_from_an_earlier_look_says_so(
    program: Program, learning: FakeLearning
) -> None:
    learning.is_known = True
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert "earlier look" in text_of(dialog, "source")
    assert learning.counted == []


def test_rows_by_number_arrows_chance_and_keys(
    program: Program, dialog: LearningDialog, learning: FakeLearning, qtbot: QtBot
) -> None:
    number = dialog.row.number
    number.setFocus()
    number.selectAll()
    qtbot.keyClicks(number, "17")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    program.settle()
    assert dialog.row.text.toPlainText() == "Row 16?Yes."
    qtbot.keyClick(dialog, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    program.settle()
    assert number.text() == "18"
    qtbot.keyClick(dialog, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    program.settle()
    assert number.text() == "17"
    press(program, dialog, "random")
    assert number.text() != "17"
    number.setText("9999")
    number.returnPressed.emit()
    program.settle()
    assert number.text() == "400"
    assert not dialog.row._next.isEnabled()


def test_of_rows_asked_for_quickly_only_the_last_is_read(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.rows_read.clear()
    for row in (3, 4, 5, 6):
        dialog.row_requested.emit(row)
    program.settle()
    assert learning.rows_read == [(6, None)]


def test_learnt_tokens_are_underlined_and_tinted_and_others_are_not(
    dialog: LearningDialog,
) -> None:
    cursor = dialog.row.text.textCursor()
    cursor.setPosition(3)
    assert not cursor.charFormat().fontUnderline()
    plain = cursor.charFormat().background().color()
    cursor.setPosition(len("Row 0?") + 2)
    assert cursor.charFormat().fontUnderline()
    assert cursor.charFormat().background().color() != plain


def test_the_arrow_keys_say_each_token(dialog: LearningDialog, qtbot: QtBot) -> None:
    text = dialog.row.text
    assert dialog.focusWidget() is text
    assert text_of(dialog, "token") == "Token 1 of 2 · “Row 0?” · id 5 · not learnt, only read"
    qtbot.keyClick(text, Qt.Key.Key_Right)
    assert text_of(dialog, "token") == "Token 2 of 2 · “Yes.” · id 6 · learnt"
    assert text.accessibleDescription() == "Yes., learnt"
    qtbot.keyClick(text, Qt.Key.Key_Left)
    assert text_of(dialog, "token").startswith("Token 1")


def test_the_pointer_says_each_token(dialog: LearningDialog) -> None:
    text = dialog.row.text
    cursor = text.textCursor()
    cursor.setPosition(len("Row 0?") + 1)
    place = QPointF(text.cursorRect(cursor).center() + QPoint(2, 0))
    button, none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    moved = QMouseEvent(QEvent.Type.MouseMove, place, place, button, button, none)
    QCoreApplication.sendEvent(text.viewport(), moved)
    assert text_of(dialog, "token").startswith("Token 2")
    QCoreApplication.sendEvent(text, QEvent(QEvent.Type.Leave))
    assert text_of(dialog, "token").startswith("Token 1")


def test_findings_lead_to_their_rows(
    program: Program, dialog: LearningDialog, learning: FakeLearning, qtbot: QtBot
) -> None:
    learning.found = replace(GOOD, findings=(NO_ANSWER, CUT))
    dialog.again_requested.emit()
    program.settle()
    first, second = dialog.report.cards
    links = [one for one in first.findChildren(QPushButton) if one.property("role") == "link"]
    assert [one.text() for one in links] == ["2", "3"]
    links[1].click()
    program.settle()
    assert dialog.row.number.text() == "3"
    assert text_of(dialog, "notes") == "No answer."
    qtbot.keyClick(dialog, Qt.Key.Key_F3)
    program.settle()
    assert dialog.row.number.text() == "4"
    assert text_of(dialog, "notes") == "It is cut."
    assert second.accessibleName() == "To know: It is cut."


def test_a_look_at_all_rows_can_be_stopped_and_begun_again(
    program: Program, learning: FakeLearning
) -> None:
    program.child("dataset.preview").click()
    dialog = program.wiring.learning.dialog
    learning.on_count = dialog.stop_requested.emit
    program.settle()
    assert text_of(dialog, "message").startswith("Stopped")
    learning.on_count = None
    press(program, dialog, "count")
    assert dialog.report.histogram.isVisible()


def test_a_failed_look_at_all_rows_says_why_and_leaves_the_row(
    program: Program, learning: FakeLearning
) -> None:
    learning.report_error = AppError("worker_died", "The process has ended.", "Try again.")
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert text_of(dialog, "message") == "The process has ended. Try again."
    assert dialog.row.text.toPlainText() == "Row 0?Yes."


def test_a_changed_setup_is_noticed_and_looked_at_again(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    stale = dialog.findChild(QWidget, "learning.stale")
    form = program.models.form
    form.edit("hp.learning_rate", 1e-5)
    assert stale.isHidden()
    form.edit("hp.max_seq_length", 512)
    assert stale.isVisible()
    form.edit("hp.max_seq_length", 2048)
    assert stale.isHidden()
    form.edit("hp.max_seq_length", 512)
    press(program, dialog, "again")
    assert stale.isHidden()
    assert learning.counted[-1].hp.max_seq_length == 512
    assert "up to 512 tokens" in text_of(dialog, "setup")


def test_another_chosen_dataset_is_noticed(program: Program, dialog: LearningDialog) -> None:
    program.models.datasets.put(make_session(2, "Other"))
    program.models.form.edit("dataset.session", "Other")
    assert text_of(dialog, "stale.words") == "Other is the chosen dataset now."
    press(program, dialog, "again")
    assert text_of(dialog, "title").endswith("from Other")


def test_one_opened_from_the_page_stays_whatever_the_form_chooses(
    program: Program, learning: FakeLearning
) -> None:
    program.models.datasets.put(make_session(2, "Other"))
    program.window.datasets.learning_requested.emit(make_session(2, "Other"))
    program.settle()
    dialog = program.wiring.learning.dialog
    program.models.form.edit("dataset.session", "Support answers")
    assert dialog.findChild(QWidget, "learning.stale").isHidden()


def test_closing_gives_the_memory_back(
    program: Program, dialog: LearningDialog, learning: FakeLearning, qtbot: QtBot
) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    program.settle()
    assert not dialog.isVisible()
    assert learning.closed == 1
    program.models.form.edit("hp.max_seq_length", 512)  # nobody looks: nothing happens
    program.child("dataset.preview").click()
    program.settle()
    assert dialog.isVisible()


def test_a_row_whose_reader_was_ended_for_others_is_read_again(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.rows_ended = 1
    dialog.row_requested.emit(5)
    program.settle()
    assert dialog.row.text.toPlainText() == "Row 5?Yes."


@pytest.mark.usefixtures("large_text")
def test_with_large_text_one_part_is_shown_at_a_time(
    program: Program, dialog: LearningDialog
) -> None:
    dialog.resize(1280, 800)
    QCoreApplication.processEvents()
    assert dialog.row.isVisible()
    assert dialog.report.isVisible()
    current_theme().set_text_size(200)
    QCoreApplication.processEvents()
    assert dialog.row.isVisible()
    assert not dialog.report.isVisible()
    press(program, dialog, "part.all")
    assert dialog.report.isVisible()
    assert not dialog.row.isVisible()
    assert dialog.report.widget().width() <= dialog.report.viewport().width()
