"""A saved setup with edits, changes made elsewhere meanwhile, and the question that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from tests.qt.config_store import fill, setup

if TYPE_CHECKING:
    from services.configs import ConfigStore
    from tests.qt.conftest import Program


@pytest.fixture
def edited(program: Program) -> Program:
    """A window with ``Mine`` loaded and changed from 1 to 3 epochs."""
    program.services.configs.save("Mine", setup(hp__epochs=1.0))
    fill(program)
    program.models.form.edit("hp.epochs", 3.0)
    return program


def change_elsewhere(store: ConfigStore) -> None:
    """Somebody else saves ``Mine`` with 2 epochs."""
    store.save_over(store.entry("Mine"), setup(hp__epochs=2.0))


def question(program: Program) -> str:
    """All that the question says."""
    labels = [
        label.text()
        for label in program.child("question").findChildren(QWidget, "")
        if hasattr(label, "text")
    ]
    return " ".join(labels)


def has_question(program: Program) -> bool:
    """Whether a question is open."""
    found = program.window.findChildren(QWidget, "question")
    return any(dialog.isVisible() for dialog in found)
