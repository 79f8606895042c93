"""Fixtures of the tests of saved configurations: the real store on a real database, twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from services.configs import ConfigStore
from tests.qt.fakes import FakeServices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    """Fakes, but for the configurations."""
    database = Database.open(tmp_path / "temper.db")
    yield FakeServices(configs=ConfigStore(database))  # type: ignore[arg-type]
    database.close()


@pytest.fixture
def elsewhere(tmp_path: Path, services: FakeServices) -> Iterator[ConfigStore]:
    """What another window, or a command, has of the same database."""
    database = Database.open(tmp_path / "temper.db")
    yield ConfigStore(database)
    database.close()


def setup(**values: object) -> TrainingConfig:
    """A configuration with these values: ``hp__epochs=2.0``."""
    return with_values(TrainingConfig(), {name.replace("__", "."): v for name, v in values.items()})


def fill(program: Program) -> None:
    """What the program does at its start."""
    program.aio(program.wiring.fill())
    program.settle()


def click(qtbot: QtBot, program: Program, name: str) -> None:
    """Press a button, and let what it starts come to its end."""
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)
    program.settle()


def enter_name(program: Program, name: str) -> None:
    """Answer the dialog that asks for a name."""
    program.child("config.name_dialog.name").setText(name)
    dialog = program.child("config.name_dialog")
    dialog.accept()
    program.settle()


def choose(program: Program, name: str) -> None:
    """Select a saved setup in the list, as a user does."""
    box: Any = program.child("config.list")
    row = box.findText(name)
    assert row >= 0, listed(program)
    box.setCurrentIndex(row)
    box.activated.emit(row)
    program.settle()


def listed(program: Program) -> list[str]:
    """The names in the list, from top to bottom."""
    box: Any = program.child("config.list")
    return [box.itemText(row) for row in range(box.count())]
