"""Runs are renamed, noted, tagged and deleted on their page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from models.domain.errors import AppError
from tests.qt.runs_steps import POPUPS, calls, choose, open_page, shown
from views.main_window import TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


def test_f2_renames_the_run_and_not_the_configuration(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    table, name = program.child("runs.table"), program.child("runs.name")
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_F2)
    assert program.window.findChild(QDialog, "config.name_dialog") is None
    assert name.hasFocus()
    qtbot.keyClicks(name, "  The   best one ")
    qtbot.keyClick(name, Qt.Key.Key_Return)
    program.settle()
    assert calls(program, "rename") == [("c", "The best one")]
    assert shown(program)[0] == "The best one"


def test_a_run_keeps_its_name_rather_than_have_none(program: Program) -> None:
    open_page(program)
    name = program.child("runs.name")
    name.setText("   ")
    name.editingFinished.emit()
    program.settle()
    assert name.text() == "Best so far"
    assert calls(program, "rename") == []


def test_notes_are_kept_when_the_field_is_left(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    notes = program.child("runs.notes")
    notes.setFocus()
    notes.selectAll()
    qtbot.keyClicks(notes, "Try rank 32 next")
    assert calls(program, "set_notes") == []
    program.child("runs.table").setFocus()
    program.settle()
    assert calls(program, "set_notes") == [("c", "Try rank 32 next")]


def test_notes_belong_to_the_run_they_were_typed_for(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    notes = program.child("runs.notes")
    notes.setPlainText("Of the best")
    choose(program, "Too large")
    assert calls(program, "set_notes") == [("c", "Of the best")]
    assert notes.toPlainText() == ""
    choose(program, "Best so far")
    assert notes.toPlainText() == "Of the best"


@pytest.mark.parametrize("how", ["page", "pause", "end"])
def test_notes_are_never_lost(program: Program, how: str) -> None:
    open_page(program)
    notes = program.child("runs.notes")
    notes.setPlainText("Typed")
    if how == "page":
        program.window.show_page(TRAINING)
    elif how == "pause":
        program.aio.until(lambda: bool(calls(program, "set_notes")))
    else:
        program.wiring.stop_work()
    program.settle()
    assert calls(program, "set_notes") == [("c", "Typed")]


def test_notes_that_cannot_be_kept_are_in_the_message(program: Program) -> None:
    open_page(program)
    program.services.history.error = AppError("bad_use", "The notes are too long.", "Shorten them.")
    program.child("runs.notes").setPlainText("What I found out")
    program.child("runs.notes").finish()
    program.settle()
    assert program.child("runs.notice.title").text() == "The notes were not kept"
    assert program.child("runs.notes").toPlainText() == "What I found out"


@POPUPS
def test_tags_are_typed_with_commas_and_completed(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    choose(program, "Too large")
    tags = program.child("runs.tags")
    tags.setFocus()
    qtbot.keyClicks(tags, "memory, sho")
    popup = tags._completer.popup()
    assert popup.isVisible()
    assert tags._completer.currentCompletion() == "short answers"
    tags._completer.activated.emit("short answers")
    popup.hide()
    qtbot.keyClicks(tags, ", Memory,")
    qtbot.keyClick(tags, Qt.Key.Key_Return)
    program.settle()
    assert calls(program, "set_tags") == [("b", ("memory", "short answers"))]
    assert program.child("runs.tag").findText("memory") > 0


def test_delete_asks_how_much_and_return_does_not_delete(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    table = program.child("runs.table")
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    program.settle()
    dialog = program.child("question")
    assert dialog.windowTitle() == "Delete run Best so far?"
    texts = [label.text() for label in dialog.findChildren(type(program.child("runs.about")))]
    assert any("chart and log are deleted: 2.0 MB" in text for text in texts)
    assert "/tmp/data/outputs/local_run" in texts
    box = program.child("question.outputs")
    assert (box.text(), box.isChecked()) == (
        "Delete the adapters and checkpoints, too: 300.0 MB", False,
    )  # fmt: skip
    qtbot.waitUntil(lambda: dialog.focusWidget() is not None)
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    program.settle()
    assert calls(program, "delete") == []


@pytest.mark.parametrize("outputs", [False, True])
def test_several_runs_are_deleted_at_once(program: Program, outputs: bool) -> None:
    open_page(program)
    choose(program, "Too large", "First try")
    program.child("runs.delete").click()
    program.settle()
    assert program.child("question").windowTitle() == "Delete 2 runs?"
    program.child("question.outputs").setChecked(outputs)
    program.child("question.yes").click()
    program.settle()
    assert calls(program, "delete") == [(("b", "a"), outputs)]
    assert shown(program) == ["Best so far"]
    assert program.models.shown_run.run_id == "c"


def test_outputs_that_stay_say_why(program: Program) -> None:
    open_page(program)
    program.services.history.outputs_kept = "The outputs belong to a later run, too."
    program.child("runs.delete").click()
    program.settle()
    assert not program.child("question.outputs").isVisible()
    assert program.child("question.kept").text() == "The outputs belong to a later run, too."
    program.child("question").reject()
