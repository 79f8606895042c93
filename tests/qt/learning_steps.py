"""What the tests of 'What it will learn' share: the look, the dialog, what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QPushButton, QWidget

from models.domain.data_report import Finding
from tests.qt.fakes import make_session
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.qt.conftest import Program
    from tests.qt.fake_learning import FakeLearning
    from views.dialogs.learning_dialog import LearningDialog

CUT = Finding("minor", "truncated", "It is cut.", 40, tuple(range(3, 23)), tuple(range(4, 24)))


@pytest.fixture
def learning(program: Program) -> FakeLearning:
    """The program has a dataset of 400 rows, which is chosen."""
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    program.services.learning.is_known = False
    return program.services.learning


@pytest.fixture
def dialog(program: Program, learning: FakeLearning) -> Iterator[LearningDialog]:
    """The dialog, opened as a user does it."""
    program.child("dataset.preview").click()
    program.settle()
    shown = program.wiring.learning.dialog
    yield shown
    shown.close()
    program.settle()


def text_of(dialog: QWidget, name: str) -> str:
    """What a label of the dialog says."""
    found = dialog.findChild(QWidget, f"learning.{name}")
    assert found is not None, name
    return str(found.text())  # type: ignore[attr-defined]


def press(program: Program, dialog: QWidget, name: str) -> None:
    """Press a button of the dialog that is visible, and let it come to its end."""
    found = dialog.findChild(QPushButton, f"learning.{name}")
    assert found is not None, name
    assert found.isVisible(), name
    found.click()
    program.settle()


@pytest.fixture
def large_text() -> Iterator[None]:
    """Text of twice the size, until the test is over."""
    yield
    current_theme().set_text_size(100)
