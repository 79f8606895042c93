"""Training a run longer, and a new adapter on top of it, from the Runs page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton

from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from models.domain.run_history import Repetition, Verb
from tests.qt.fakes import make_run, make_session
from tests.qt.runs_steps import calls, choose, open_page
from views.dialogs.onward_dialog import OnwardDialog

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.qt_log_ignore("does not support (propagateSizeHints|raise|grabbing)")


def open_with_runs(program: Program) -> None:
    done = make_run(
        "done", RunState.FINISHED, name="Done", step=20, adapter_path="/data/outputs/a/adapter"
    )
    early = make_run("early", RunState.FAILED, name="Early", step=0)
    open_page(program, [done, early])
    choose(program, "Done")


def dialog(program: Program) -> OnwardDialog:
    found = program.window.findChild(OnwardDialog)
    assert found is not None
    return found


def press_start(found: OnwardDialog) -> None:
    button = found.findChild(QPushButton, "question.yes")
    assert button is not None
    button.click()


def test_a_run_is_trained_longer_to_the_epochs_that_were_typed(program: Program) -> None:
    open_with_runs(program)
    program.services.history.remarks = ("It goes on with another learning rate. " * 6,)
    program.services.runs.script = [RunUpdate(make_run("done-next", RunState.FINISHED))]
    program.window.runs.actions_.longer.trigger()  # type: ignore[union-attr]
    program.settle()
    found = dialog(program)
    line = found.findChild(QLineEdit, "onward.epochs")
    assert line is not None
    assert line.text() == "2"  # one more than it had
    layout = found.layout()
    assert layout is not None
    assert found.height() >= layout.totalHeightForWidth(found.width()), "no word is cut off"
    line.setText("5")
    press_start(found)
    program.settle()
    assert calls(program, "plan_longer")[-1] == ("done", 5.0)
    assert calls(program, "begin_onward") == [("done", Verb.LONGER, False)]
    assert program.models.run.run_id == "done-next"


def test_what_is_no_number_of_epochs_cannot_be_started(program: Program) -> None:
    open_with_runs(program)
    program.window.runs.actions_.longer.trigger()  # type: ignore[union-attr]
    program.settle()
    found = dialog(program)
    button = found.findChild(QPushButton, "question.yes")
    assert button is not None
    for text, enabled in (("", False), ("many", False), ("0", False), ("2.5", True)):
        found.epochs.setText(text)
        assert button.isEnabled() is enabled
        assert bool(button.toolTip()) is not enabled
    found.reject()


def test_the_steps_of_so_many_epochs_are_shown_and_too_few_refused(
    qtbot: QtBot, themed: None
) -> None:
    run = make_run("done", RunState.FINISHED, name="Done", step=20)
    plan = Repetition("done", "Done", run.config, (), Verb.LONGER, steps=20, per_epoch=16.0)
    found = OnwardDialog(plan, ())
    qtbot.addWidget(found)
    button = found.findChild(QPushButton, "question.yes")
    label = found.findChild(QLabel, "onward.steps")
    assert button is not None
    assert label is not None
    already = "This run has trained 20 steps (1.25 epochs) already. Enter more than that."
    for text, words in (
        ("2", "12 further steps, to step 32."),
        ("1.3", "1 further step, to step 21."),
        ("1", already),
        ("1.25", already),
        ("", "Enter how many epochs: a number above 0."),
    ):
        found.epochs.setText(text)
        assert label.text() == words
        assert button.isEnabled() is ("further" in words)
        assert label.property("tone") == ("" if button.isEnabled() else "bad")


def test_a_new_adapter_on_top_learns_from_the_dataset_that_was_chosen(program: Program) -> None:
    open_with_runs(program)
    program.models.datasets.set_items([make_session(7, "Manuals")])
    program.services.runs.script = [RunUpdate(make_run("done-next", RunState.FINISHED))]
    program.window.runs.actions_.on_top.trigger()  # type: ignore[union-attr]
    program.settle()
    found = dialog(program)
    combo = found.findChild(QComboBox, "onward.dataset")
    assert combo is not None
    assert combo.itemText(0) == "The same rows"
    combo.setCurrentIndex(1)
    chosen = combo.currentData()
    press_start(found)
    program.settle()
    run_id, values = calls(program, "plan_on_top")[-1]
    assert run_id == "done"
    assert values["dataset.session"] == chosen
    assert calls(program, "begin_onward") == [("done", Verb.ON_TOP, False)]


def test_what_cannot_be_says_why(program: Program) -> None:
    open_with_runs(program)
    history = program.services.history
    history.error = AppError("no_checkpoint", "There is no checkpoint.", "Run it again.")
    program.window.runs.actions_.longer.trigger()  # type: ignore[union-attr]
    program.settle()
    assert program.child("runs.notice.title").text() == "Done cannot be trained longer"
    history.error = None
    choose(program, "Early")
    actions = program.window.runs.actions_  # type: ignore[union-attr]
    assert not actions.longer.isEnabled()
    assert not actions.on_top.isEnabled()
    assert "has finished" in actions.on_top.toolTip()
