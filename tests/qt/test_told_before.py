"""What stays, and why, is said in the question, before anybody presses its button."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QDialog, QLabel, QPushButton

from models.domain.errors import AppError
from models.domain.run import RunState
from models.domain.run_history import RunSize
from models.qt.deletion import Deletion
from tests.qt.fake_models import absent, make_model
from tests.qt.fakes import make_run
from views.dialogs.question_dialog import QuestionDialog
from views.main_window import MODELS, RUNS, SETTINGS
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.qt.conftest import Program
    from views.main_window import MainWindow

pytestmark = pytest.mark.slow
SMALL = make_model("me/small", label="Small")
NEEDED = "A run that trains or waits needs me/small. Stop it, or wait until it has ended."
PINNED = (
    "The adapter and checkpoints of {} stay (300.0 MB): you have pinned {}. Unpin it on the "
    "Storage page if they are to go."
)


def deleting(program: Program, pinned: dict[str, str], *names: str) -> QDialog:
    """The question about deleting these runs."""
    for name in names:
        run = make_run(name, RunState.FINISHED, name=name)
        program.services.history.runs.stored[name] = run
    program.services.history.pinned = pinned
    program.aio(program.wiring.fill())
    program.window.show_page(RUNS)
    program.settle()
    program.child("runs.table").selectAll()
    program.child("runs.delete").click()
    program.settle()
    return program.child("question")  # type: ignore[no-any-return]


def calls(program: Program) -> Sequence[object]:
    return [what for called, what in program.services.history.calls if called == "delete"]


def test_a_pinned_run_says_before_the_click_that_its_outputs_stay(program: Program) -> None:
    question = deleting(program, {"first": "checkpoint-40"}, "first")
    assert program.child("question.kept").text() == PINNED.format("first", "checkpoint-40")
    assert not program.child("question.outputs").isVisible(), "nothing of it can go"
    question.findChild(QPushButton, "question.yes").click()
    program.settle()
    assert calls(program) == [(("first",), False)]


def test_of_several_runs_those_that_are_not_pinned_can_go_with_their_outputs(
    program: Program,
) -> None:
    question = deleting(program, {"second": "the run"}, "first", "second")
    box = program.child("question.outputs")
    assert box.text() == "Delete the adapters and checkpoints, too: 300.0 MB"
    assert program.child("question.kept").text() == PINNED.format("second", "the run")
    box.setChecked(True)
    question.findChild(QPushButton, "question.yes").click()
    program.settle()
    assert calls(program) == [(("first", "second"), True)]


def test_where_nothing_was_made_a_pin_says_nothing() -> None:
    size = RunSize(1, 0, "/outputs", "There is no folder /outputs any more.", "the run")
    assert Deletion((make_run(),), (size,)).kept == "There is no folder /outputs any more."


@pytest.mark.parametrize("kept", ["", NEEDED])
def test_a_model_that_is_needed_cannot_even_be_asked_to_go(program: Program, kept: str) -> None:
    program.services.models.models, program.services.models.kept = [SMALL], kept
    program.aio(program.wiring.fill())
    program.window.show_page(MODELS)
    program.settle()
    program.window.base_models.actions_.remove.trigger()  # type: ignore[union-attr]
    program.settle()
    question = program.child("question")
    yes = question.findChild(QPushButton, "question.yes")
    assert yes.isEnabled() is not bool(kept)
    assert (kept in [label.text() for label in question.findChildren(QLabel)]) is bool(kept)
    if kept:
        assert yes.toolTip() == kept
    question.reject()


@pytest.mark.parametrize("kind", ["gated", "no_model"])
def test_a_refused_download_leads_to_where_a_token_is_set(program: Program, kind: str) -> None:
    gated = absent("me/gated", label="Gated one", gated=True)
    program.services.models.models = [gated]
    program.aio(program.wiring.fill())
    program.window.show_page(MODELS)
    program.settle()
    program.services.models.error = AppError(kind, "me/gated is gated.", "Set a token.")
    program.window.base_models.actions_.download.trigger()  # type: ignore[union-attr]
    program.settle()
    button = program.child("models.notice.action")
    assert button.isVisible()
    assert button.text() == "Set a token…"
    button.click()
    assert program.window.page == SETTINGS


def test_another_failure_of_a_download_has_no_such_button(program: Program) -> None:
    program.services.models.models = [absent("me/away")]
    program.aio(program.wiring.fill())
    program.window.show_page(MODELS)
    program.settle()
    program.services.models.error = AppError("network", "The Hub is away.", "Try later.")
    program.window.base_models.actions_.download.trigger()  # type: ignore[union-attr]
    program.settle()
    assert program.child("models.notice.text").text() == "The Hub is away. Try later."
    assert not program.child("models.notice.action").isVisible()


def test_all_that_a_question_says_is_seen_with_large_text(window: MainWindow) -> None:
    current_theme().set_text_size(200)
    try:
        question = QuestionDialog("Remove it?", NEEDED * 2, (("yes", "Remove"),), window)
        question.refuse(NEEDED)
        question.open()
        for _ in range(6):
            QCoreApplication.processEvents()
        for label in question.findChildren(QLabel):
            assert label.height() >= label.heightForWidth(label.width()), label.text()
        question.reject()
    finally:
        current_theme().set_text_size(100)
