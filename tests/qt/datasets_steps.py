"""What the tests of the Datasets page share: three datasets, the page, a selection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QDialog

from tests.qt.fakes import make_session
from views.main_window import DATASETS

if TYPE_CHECKING:
    from models.domain.dataset import DatasetSession
    from tests.qt.conftest import Program

SUPPORT = replace(make_session(3, "Support answers", rows=5000), licence="MIT")
PHYSICS = replace(
    make_session(2, "Physics", rows=1200),
    format="question_answer",
    source="/x/physik.csv",
    mapping="question=Frage, answer=Antwort",
)
POEMS = replace(make_session(1, "Poems", rows=10), format="text", licence="CC0")


def open_page(program: Program, *sessions: DatasetSession) -> None:
    """The page with these datasets, filled as at the start."""
    program.services.datasets.sessions = list(sessions or (SUPPORT, PHYSICS, POEMS))
    program.aio(program.wiring.fill())
    program.window.show_page(DATASETS)
    program.settle()


def select(program: Program, *sessions: DatasetSession) -> None:
    """Select datasets in the table."""
    program.window.datasets.table.select_items([session.id for session in sessions])  # type: ignore[union-attr]
    program.settle()


def listed(program: Program) -> list[str]:
    """The names that the table shows, from top to bottom."""
    return [session.name for session in program.window.datasets.table.shown_items()]  # type: ignore[union-attr]


def selected(program: Program) -> list[str]:
    """The names of the selected datasets."""
    table = program.window.datasets.table  # type: ignore[union-attr]
    return [session.name for session in table.selected_sessions()]


def actions_of(program: Program) -> Any:
    """The page's actions."""
    return program.window.datasets.actions_  # type: ignore[union-attr]


def dialog_of(program: Program, name: str) -> Any:
    """The dialog of this name; there must be one."""
    found = program.window.findChild(QDialog, name)
    assert found is not None
    return found
