"""How the window looks at other sizes, and where the eye and the focus land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QComboBox, QPushButton

from tests.qt.conftest import destroy
from views.dialogs.question_dialog import QuestionDialog
from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.page_column import ScrollColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow


def settle() -> None:
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()


@pytest.mark.parametrize("width", [640, 920, 1000, 1280])
def test_nothing_of_the_columns_is_cut_at_the_right(window: MainWindow, width: int) -> None:
    window.resize(width, 700)
    settle()
    for column in window.training.findChildren(ScrollColumn):
        assert column.widget().width() <= column.viewport().width(), column


@pytest.fixture
def large_text(window: MainWindow) -> Iterator[None]:
    """Text of twice the size, until the test is over."""
    current_theme().set_text_size(200)
    yield
    current_theme().set_text_size(100)


@pytest.mark.usefixtures("large_text")
def test_lines_and_icons_grow_with_the_text(window: MainWindow) -> None:
    settle()
    letters = window.fontMetrics().height()
    lines = [w for w in window.training.findChildren(QComboBox) if w.isVisible()]
    assert lines
    assert all(line.minimumSizeHint().height() > letters for line in lines)
    icons = [w for w in window.findChildren(IconButton) if w.isVisible()]
    assert icons
    assert all(icon.iconSize().height() > letters for icon in icons)


@pytest.mark.parametrize("risky", [True, False])
def test_return_never_takes_something_away_for_good(
    window: MainWindow, qtbot: QtBot, risky: bool
) -> None:
    answers: list[str] = []
    dialog = QuestionDialog("Delete it?", "", (("yes", "Delete"),), window, risky=risky)
    dialog.answered.connect(answers.append)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.focusWidget() is not None)
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not window.findChildren(QuestionDialog))
    assert answers == ([] if risky else ["yes"])


def test_return_presses_the_answer_that_has_the_focus(window: MainWindow, qtbot: QtBot) -> None:
    answers: list[str] = []
    dialog = QuestionDialog("Delete it?", "", (("yes", "Delete"),), window, risky=True)
    dialog.answered.connect(answers.append)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.focusWidget() is not None)
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Backtab)
    assert dialog.focusWidget().objectName() == "question.yes"
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    assert answers == ["yes"]


def test_the_words_of_every_answer_are_seen(window: MainWindow) -> None:
    words = "Use SmolLM2-135M-Instruct-bnb-4bit"
    answers = (("use", words), ("keep", "Keep the chosen model"))
    dialog = QuestionDialog("Use a smaller model?", "", answers, window)
    dialog.open()
    settle()
    for button in dialog.findChildren(QPushButton):
        needed = button.fontMetrics().horizontalAdvance(button.text())
        assert button.width() >= needed + 24, button.text()
    destroy(dialog)
