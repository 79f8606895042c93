"""What the tests of Quick Local Inference share: a run that ended well, a prompt, its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from models.domain.run import Run, RunState, RunUpdate
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from views.panels.inference_panel import InferencePanel

ADAPTER = "/tmp/data/outputs/local_run/adapter"
MODEL = "unsloth/Qwen2.5-0.5B-Instruct"


def finish(program: Program, run_id: str = "run-1", **changes: object) -> Run:
    """A run ends well while it is shown."""
    run = make_run(run_id, RunState.FINISHED, **changes)
    program.services.runs.stored[run.id] = run
    program.models.run.fill(RunUpdate(run))
    program.wiring.training.finished.emit(run)
    program.settle()
    return run


@pytest.fixture
def finished(program: Program) -> Program:
    """A program that shows a finished run."""
    finish(program)
    return program


def panel(program: Program) -> InferencePanel:
    """The panel on the Training page."""
    return program.window.training.run_panel.inference


def click(program: Program, qtbot: QtBot, name: str) -> None:
    """Press a button."""
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def ask(program: Program, qtbot: QtBot, prompt: str = "Why?") -> None:
    """Type a prompt and run it."""
    program.child("infer.prompt").setPlainText(prompt)
    click(program, qtbot, "infer.run")


def answer(program: Program, qtbot: QtBot, prompt: str = "Why?") -> None:
    """The same, and let the answer come to its end."""
    ask(program, qtbot, prompt)
    program.settle()


def engine_calls(program: Program) -> list[str]:
    """What the engine was asked for, in order."""
    return [name for name, _ in program.services.inference.calls]
