"""What the tests of importing share: refusals, the dialog that is open, its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QPushButton

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.qt.conftest import Program


def dialog(program: Program, name: str) -> QDialog:
    """The dialog of this name that is open."""
    program.aio(turn())
    found = [one for one in program.window.findChildren(QDialog, name) if one.isVisible()]
    assert len(found) == 1, f"{len(found)} dialogs are called {name}"
    return found[0]


def is_open(program: Program, name: str) -> bool:
    """Whether a dialog of this name is open."""
    return any(one.isVisible() for one in program.window.findChildren(QDialog, name))


def press(program: Program, name: str) -> None:
    """Press the button of this name that is visible."""
    found = [one for one in program.window.findChildren(QPushButton, name) if one.isVisible()]
    assert len(found) == 1, f"{len(found)} buttons are called {name}"
    found[0].click()


async def turn() -> None:
    """Let the loop turn once."""


def start(program: Program, *paths: Path) -> None:
    """Import these files, and let it come to its end."""
    for path in paths:
        program.wiring.importing.controller.import_file(path)
    program.settle()


def needs_environment(program: Program) -> Callable[[object], None]:
    """Reading needs the trainer's environment until it is set up."""
    missing = AppError("runtime_missing", "The training environment is not set up.", "Set it up.")

    def look(_path: object) -> None:
        program.services.datasets.error = None if program.services.runtime.ready else missing

    return look
