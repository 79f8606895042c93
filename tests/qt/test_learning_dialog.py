"""What it will learn: rows with their loss mask, all rows in numbers, and the remedies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QPushButton, QWidget

from models.domain.config import SOURCE_HUB
from models.domain.data_report import Finding
from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from tests.qt.fake_learning import GOOD, NO_ANSWER, NO_END, refused
from tests.qt.fakes import make_run, make_session
from views.main_window import DATASETS, TRAINING
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from tests.qt.fake_learning import FakeLearning
    from views.dialogs.learning_dialog import LearningDialog

CUT = Finding("minor", "truncated", "It is cut.", 40, tuple(range(3, 23)), tuple(range(4, 24)))
MISSING = AppError("runtime_missing", "There is no environment.", "Set it up first.")


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


def _text(dialog: QWidget, name: str) -> str:
    found = dialog.findChild(QWidget, f"learning.{name}")
    assert found is not None, name
    return str(found.text())  # type: ignore[attr-defined]


def _press(program: Program, dialog: QWidget, name: str) -> None:
    found = dialog.findChild(QPushButton, f"learning.{name}")
    assert found is not None, name
    assert found.isVisible(), name
    found.click()
    program.settle()


def test_it_opens_beside_the_window_with_the_first_row_and_all_rows(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert "will learn from Support answers" in _text(dialog, "title")
    assert learning.rows_read == [(0, None)]
    assert len(learning.counted) == 1
    assert dialog.row.text.toPlainText() == "Row 0?Yes."
    assert "40% of the tokens" in _text(dialog, "share")
    assert _text(dialog, "nothing").startswith("Nothing.")
    assert "Every row was looked at" in _text(dialog, "source")


def test_what_is_known_from_an_earlier_look_says_so(
    program: Program, learning: FakeLearning
) -> None:
    learning.is_known = True
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert "earlier look" in _text(dialog, "source")
    assert learning.counted == []


def test_rows_by_number_arrows_chance_and_keys(
    program: Program, dialog: LearningDialog, learning: FakeLearning, qtbot: QtBot
) -> None:
    number = dialog.row.number
    number.setFocus()
    number.selectAll()
    qtbot.keyClicks(number, "17")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    program.settle()
    assert dialog.row.text.toPlainText() == "Row 16?Yes."
    qtbot.keyClick(dialog, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    program.settle()
    assert number.text() == "18"
    qtbot.keyClick(dialog, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    program.settle()
    assert number.text() == "17"
    _press(program, dialog, "random")
    assert number.text() != "17"
    number.setText("9999")
    number.returnPressed.emit()
    program.settle()
    assert number.text() == "400"
    assert not dialog.row._next.isEnabled()


def test_of_rows_asked_for_quickly_only_the_last_is_read(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.rows_read.clear()
    for row in (3, 4, 5, 6):
        dialog.row_requested.emit(row)
    program.settle()
    assert learning.rows_read == [(6, None)]


def test_learnt_tokens_are_underlined_and_tinted_and_others_are_not(
    dialog: LearningDialog,
) -> None:
    cursor = dialog.row.text.textCursor()
    cursor.setPosition(3)
    assert not cursor.charFormat().fontUnderline()
    plain = cursor.charFormat().background().color()
    cursor.setPosition(len("Row 0?") + 2)
    assert cursor.charFormat().fontUnderline()
    assert cursor.charFormat().background().color() != plain


def test_the_arrow_keys_say_each_token(dialog: LearningDialog, qtbot: QtBot) -> None:
    text = dialog.row.text
    assert dialog.focusWidget() is text
    assert _text(dialog, "token") == "Token 1 of 2 · “Row 0?” · id 5 · not learnt, only read"
    qtbot.keyClick(text, Qt.Key.Key_Right)
    assert _text(dialog, "token") == "Token 2 of 2 · “Yes.” · id 6 · learnt"
    assert text.accessibleDescription() == "Yes., learnt"
    qtbot.keyClick(text, Qt.Key.Key_Left)
    assert _text(dialog, "token").startswith("Token 1")


def test_the_pointer_says_each_token(dialog: LearningDialog) -> None:
    text = dialog.row.text
    cursor = text.textCursor()
    cursor.setPosition(len("Row 0?") + 1)
    place = QPointF(text.cursorRect(cursor).center() + QPoint(2, 0))
    button, none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    moved = QMouseEvent(QEvent.Type.MouseMove, place, place, button, button, none)
    QCoreApplication.sendEvent(text.viewport(), moved)
    assert _text(dialog, "token").startswith("Token 2")
    QCoreApplication.sendEvent(text, QEvent(QEvent.Type.Leave))
    assert _text(dialog, "token").startswith("Token 1")


def test_findings_lead_to_their_rows(
    program: Program, dialog: LearningDialog, learning: FakeLearning, qtbot: QtBot
) -> None:
    learning.found = replace(GOOD, findings=(NO_ANSWER, CUT))
    dialog.again_requested.emit()
    program.settle()
    first, second = dialog.report.cards
    links = [one for one in first.findChildren(QPushButton) if one.property("role") == "link"]
    assert [one.text() for one in links] == ["2", "3"]
    links[1].click()
    program.settle()
    assert dialog.row.number.text() == "3"
    assert _text(dialog, "notes") == "No answer."
    qtbot.keyClick(dialog, Qt.Key.Key_F3)
    program.settle()
    assert dialog.row.number.text() == "4"
    assert _text(dialog, "notes") == "It is cut."
    assert second.accessibleName() == "To know: It is cut."


def test_a_row_that_becomes_nothing_says_why(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.row_error = AppError("bad_dataset", "This row cannot be learnt from: no answer.")
    dialog.row_requested.emit(7)
    program.settle()
    assert _text(dialog, "notes") == "This row cannot be learnt from: no answer."
    shown = dialog.row.text.toPlainText()
    assert shown.startswith(" As it stands in the dataset; nothing of it is learnt")
    assert '"content": "Row 7"' in shown
    assert dialog.row.number.text() == "8"
    learning.row_error = None
    said: list[bool] = []
    read = learning.row

    def watched(*arguments: Any, **more: Any) -> Any:
        said.append(dialog.findChild(QWidget, "learning.notes").isHidden())
        return read(*arguments, **more)

    learning.row = watched  # type: ignore[method-assign]
    dialog.row_requested.emit(8)
    program.settle()
    assert said == [True]  # what was wrong with the row before is not said of this one
    assert dialog.row.text.toPlainText() == "Row 8?Yes."
    assert dialog.findChild(QWidget, "learning.notes").isHidden()


def test_without_an_environment_there_is_the_way_to_one(
    program: Program, learning: FakeLearning
) -> None:
    learning.row_error = MISSING
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert "which is not set up yet" in _text(dialog, "trouble")
    assert dialog.focusWidget().objectName() == "learning.trouble.action"
    assert learning.counted == []
    program.services.runtime.ready = False
    learning.row_error = None
    _press(program, dialog, "trouble.action")
    assert program.services.runtime.ready
    assert dialog.focusWidget() is dialog.row.text
    assert dialog.row.text.toPlainText() == "Row 0?Yes."
    assert dialog.task.isHidden()


def test_without_a_base_model_there_is_the_way_to_choose_one(
    program: Program, learning: FakeLearning
) -> None:
    program.models.form.edit("hp.base_model", "")
    program.window.show_page(DATASETS)
    program.window.datasets.learning_requested.emit(make_session())  # type: ignore[union-attr]
    program.settle()
    dialog = program.wiring.learning.dialog
    assert _text(dialog, "trouble").startswith("No base model is chosen.")
    _press(program, dialog, "trouble.action")
    assert program.window.page == TRAINING
    dialog.close()
    program.settle()


def test_a_look_at_all_rows_can_be_stopped_and_begun_again(
    program: Program, learning: FakeLearning
) -> None:
    program.child("dataset.preview").click()
    dialog = program.wiring.learning.dialog
    learning.on_count = dialog.stop_requested.emit
    program.settle()
    assert _text(dialog, "message").startswith("Stopped")
    learning.on_count = None
    _press(program, dialog, "count")
    assert dialog.report.histogram.isVisible()


def test_a_failed_look_at_all_rows_says_why_and_leaves_the_row(
    program: Program, learning: FakeLearning
) -> None:
    learning.report_error = AppError("worker_died", "The process has ended.", "Try again.")
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert _text(dialog, "message") == "The process has ended. Try again."
    assert dialog.row.text.toPlainText() == "Row 0?Yes."


def test_a_changed_setup_is_noticed_and_looked_at_again(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    stale = dialog.findChild(QWidget, "learning.stale")
    form = program.models.form
    form.edit("hp.learning_rate", 1e-5)
    assert stale.isHidden()
    form.edit("hp.max_seq_length", 512)
    assert stale.isVisible()
    form.edit("hp.max_seq_length", 2048)
    assert stale.isHidden()
    form.edit("hp.max_seq_length", 512)
    _press(program, dialog, "again")
    assert stale.isHidden()
    assert learning.counted[-1].hp.max_seq_length == 512
    assert "up to 512 tokens" in _text(dialog, "setup")


def test_another_chosen_dataset_is_noticed(program: Program, dialog: LearningDialog) -> None:
    program.models.datasets.put(make_session(2, "Other"))
    program.models.form.edit("dataset.session", "Other")
    assert _text(dialog, "stale.words") == "Other is the chosen dataset now."
    _press(program, dialog, "again")
    assert _text(dialog, "title").endswith("from Other")


def test_one_opened_from_the_page_stays_whatever_the_form_chooses(
    program: Program, learning: FakeLearning
) -> None:
    program.models.datasets.put(make_session(2, "Other"))
    program.window.datasets.learning_requested.emit(make_session(2, "Other"))
    program.settle()
    dialog = program.wiring.learning.dialog
    program.models.form.edit("dataset.session", "Support answers")
    assert dialog.findChild(QWidget, "learning.stale").isHidden()


def test_leaving_rows_out_makes_a_dataset_chooses_it_and_looks_at_it(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    dialog.again_requested.emit()
    program.settle()
    _press(program, dialog, "finding.no_answer.drop")
    assert learning.dropped == [("no_answer",)]
    assert program.models.form.value("dataset.session") == "Support answers (cleaned)"
    assert _text(dialog, "title").endswith("from Support answers (cleaned)")
    assert dialog.task.isHidden()


def test_a_remedy_that_cannot_be_had_says_why(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    learning.drop_error = AppError("disk_full", "The disk is full.", "Make room.")
    dialog.again_requested.emit()
    program.settle()
    _press(program, dialog, "finding.no_answer.drop")
    assert _text(dialog, "problem.words") == "The disk is full. Make room."
    assert _text(dialog, "title").endswith("from Support answers")


def test_a_remedy_in_the_setup_is_applied_and_looked_at(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    long = replace(CUT, severity="major", code="nothing_learnt", remedy="lengthen", count=2)
    learning.found = replace(GOOD, findings=(long,), longest=3000)
    dialog.again_requested.emit()
    program.settle()
    _press(program, dialog, "finding.nothing_learnt.change")
    assert program.models.form.value("hp.max_seq_length") == 3008
    assert learning.counted[-1].hp.max_seq_length == 3008


def test_a_remedy_elsewhere_leads_there(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.found = replace(GOOD, findings=(NO_END,))
    dialog.again_requested.emit()
    program.settle()
    program.window.show_page(TRAINING + 1)
    _press(program, dialog, "finding.no_end_of_turn.model")
    assert program.window.page == TRAINING
    assert program.window.focusWidget().objectName() == "hp.base_model"
    assert dialog.isVisible()


def test_a_refused_start_opens_it_with_what_can_be_done(
    program: Program, learning: FakeLearning
) -> None:
    learning.is_known = True
    learning.found = replace(GOOD, findings=(NO_END,))
    program.wiring.training.data_refused.emit(refused(NO_END, session=make_session()))
    program.settle()
    dialog = program.wiring.learning.dialog
    assert _text(dialog, "refusal.words").startswith("The training was not started: 1 kind of")
    assert dialog.row.number.text() == "5"  # the first that is wrong
    focused = dialog.focusWidget()
    assert focused is not None
    assert focused.objectName() == "learning.drop_all"
    started: list[bool] = []
    program.wiring.training.gate.start_anyway = lambda: started.append(True)
    _press(program, dialog, "start_anyway")
    assert started == [True]
    assert not dialog.isVisible()


def test_what_the_trainer_refuses_itself_cannot_be_started_anyway(
    program: Program, learning: FakeLearning
) -> None:
    learning.is_known = True
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    program.wiring.training.data_refused.emit(refused(NO_ANSWER, session=make_session()))
    program.settle()
    dialog = program.wiring.learning.dialog
    assert dialog.findChild(QWidget, "learning.start_anyway").isHidden()
    learning.found = GOOD
    program.services.runs.script = [RunUpdate(make_run("run-1", RunState.FINISHED))]
    _press(program, dialog, "drop_all")
    assert learning.dropped == [("no_answer",)]
    assert dialog.findChild(QWidget, "learning.refusal").isHidden()
    _press(program, dialog, "start")
    assert not dialog.isVisible()
    assert ("start", "refuse") in program.services.runs.calls


def test_what_is_left_after_a_remedy_still_refuses(
    program: Program, learning: FakeLearning
) -> None:
    learning.is_known = True
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    program.wiring.training.data_refused.emit(refused(NO_ANSWER, session=make_session()))
    program.settle()
    dialog = program.wiring.learning.dialog
    program.models.form.edit("hp.max_seq_length", 512)
    dialog.again_requested.emit()
    program.settle()
    assert _text(dialog, "refusal.words").startswith("There is something left: 1 kind of problem")
    assert dialog.findChild(QWidget, "learning.clear").isHidden()


def test_a_start_does_not_wait_for_our_look(program: Program, learning: FakeLearning) -> None:
    def start() -> None:
        program.models.run.status.set_starting(True)

    learning.on_count = start
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert _text(dialog, "message").startswith("Stopped")
    program.models.run.status.set_starting(False)


def test_a_template_of_a_file_is_looked_with_and_taken_back(
    program: Program, dialog: LearningDialog, learning: FakeLearning, tmp_path: Path
) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text("{{ messages }}")
    dialog.template_chosen.emit(path)
    program.settle()
    box = dialog.findChild(QWidget, "learning.template")
    assert box.currentText() == "chat.jinja"
    assert "only here: a training uses the model's own" in _text(dialog, "setup")
    assert learning.rows_read[-1] == (0, "{{ messages }}")
    box.setCurrentIndex(0)
    box.activated.emit(0)
    program.settle()
    assert learning.rows_read[-1] == (0, None)
    assert box.currentText() == "The model's own"


def test_what_is_no_template_is_said(
    program: Program, dialog: LearningDialog, learning: FakeLearning, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text("{}")
    dialog.template_chosen.emit(tmp_path / "a.json")
    program.settle()
    assert "a.json has no chat template" in _text(dialog, "template.message")
    assert len(learning.rows_read) == 1


def test_closing_gives_the_memory_back(
    program: Program, dialog: LearningDialog, learning: FakeLearning, qtbot: QtBot
) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    program.settle()
    assert not dialog.isVisible()
    assert learning.closed == 1
    program.models.form.edit("hp.max_seq_length", 512)  # nobody looks: nothing happens
    program.child("dataset.preview").click()
    program.settle()
    assert dialog.isVisible()


def test_a_row_whose_reader_was_ended_for_others_is_read_again(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.rows_ended = 1
    dialog.row_requested.emit(5)
    program.settle()
    assert dialog.row.text.toPlainText() == "Row 5?Yes."


def test_a_dataset_of_the_hub_is_to_be_imported_first(
    program: Program, learning: FakeLearning
) -> None:
    asked: list[tuple[str, str, str]] = []
    row = program.window.training.setup.data.hub
    row.import_requested.disconnect()
    row.import_requested.connect(lambda *values: asked.append(values))
    assert row.isHidden()
    form = program.models.form
    form.apply({"dataset.source": SOURCE_HUB, "dataset.hf_repo": "tatsu-lab/alpaca"})
    assert row.isVisible()
    assert not program.child("dataset.preview").isVisible()
    program.child("dataset.hub_import").click()
    assert asked == [("tatsu-lab/alpaca", "", "train")]


@pytest.fixture
def large_text() -> Iterator[None]:
    """Text of twice the size, until the test is over."""
    yield
    current_theme().set_text_size(100)


@pytest.mark.usefixtures("large_text")
def test_with_large_text_one_part_is_shown_at_a_time(
    program: Program, dialog: LearningDialog
) -> None:
    dialog.resize(1280, 800)
    QCoreApplication.processEvents()
    assert dialog.row.isVisible()
    assert dialog.report.isVisible()
    current_theme().set_text_size(200)
    QCoreApplication.processEvents()
    assert dialog.row.isVisible()
    assert not dialog.report.isVisible()
    _press(program, dialog, "part.all")
    assert dialog.report.isVisible()
    assert not dialog.row.isVisible()
    assert dialog.report.widget().width() <= dialog.report.viewport().width()


@pytest.mark.usefixtures("large_text")
def test_with_large_text_a_refused_start_shows_what_was_found_first(
    program: Program, learning: FakeLearning
) -> None:
    learning.is_known = True
    learning.found = replace(GOOD, findings=(NO_END,))
    current_theme().set_text_size(200)
    program.wiring.training.data_refused.emit(refused(NO_END, session=make_session()))
    program.settle()
    dialog = program.wiring.learning.dialog
    assert dialog.report.isVisible()
    dialog.report.cards[0].row_requested.emit(7)
    program.settle()
    assert dialog.row.isVisible()
    assert dialog.row.number.text() == "8"
