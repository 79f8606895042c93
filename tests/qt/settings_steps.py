"""What the tests of the Settings page share: the page, a click, a choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.qt import wording
from views.main_window import SETTINGS
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

    from tests.qt.conftest import Program

TOKEN = "hf_" + "t" * 34


@pytest.fixture(autouse=True)
def plain_look(qapp: QApplication) -> Iterator[None]:
    """What a test made of the program's look ends with it."""
    yield
    current_theme().set_text_size(100)
    current_theme().set_mode("light")
    wording.use_system_dates(False)


def open_page(program: Program) -> None:
    """The page as it stands once everything has been read."""
    program.aio(program.wiring.settings.read())
    program.wiring.settings.read_secrets()
    program.settle()
    program.window.show_page(SETTINGS)


def text(program: Program, name: str) -> str:
    """What a label of the page says."""
    return str(program.child(f"settings.{name}").text())
