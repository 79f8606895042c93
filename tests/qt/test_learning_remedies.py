"""What it will learn, where something is amiss: what is missing, remedies, refused starts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QWidget

from models.domain.config import SOURCE_HUB
from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from tests.qt import learning_steps
from tests.qt.fake_learning import GOOD, NO_ANSWER, NO_END, refused
from tests.qt.fakes import make_run, make_session
from tests.qt.learning_steps import CUT, press, text_of
from views.main_window import DATASETS, TRAINING
from views.theme import current_theme

if TYPE_CHECKING:
    from pathlib import Path

    from tests.qt.conftest import Program
    from tests.qt.fake_learning import FakeLearning
    from views.dialogs.learning_dialog import LearningDialog

pytestmark = pytest.mark.slow
learning, dialog, large_text = (
    learning_steps.learning,
    learning_steps.dialog,
    learning_steps.large_text,
)

MISSING = AppError("runtime_missing", "There is no environment.", "Set it up first.")


def test_a_row_that_becomes_nothing_says_why(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.row_error = AppError("bad_dataset", "This row cannot be learnt from: no answer.")
    dialog.row_requested.emit(7)
    program.settle()
    assert text_of(dialog, "notes") == "This row cannot be learnt from: no answer."
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
    assert "which is not set up yet" in text_of(dialog, "trouble")
    assert dialog.focusWidget().objectName() == "learning.trouble.action"
    assert learning.counted == []
    program.services.runtime.ready = False
    learning.row_error = None
    press(program, dialog, "trouble.action")
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
    assert text_of(dialog, "trouble").startswith("No base model is chosen.")
    press(program, dialog, "trouble.action")
    assert program.window.page == TRAINING
    dialog.close()
    program.settle()


def test_leaving_rows_out_makes_a_dataset_chooses_it_and_looks_at_it(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    dialog.again_requested.emit()
    program.settle()
    press(program, dialog, "finding.no_answer.drop")
    assert learning.dropped == [("no_answer",)]
    assert program.models.form.value("dataset.session") == "Support answers (cleaned)"
    assert text_of(dialog, "title").endswith("from Support answers (cleaned)")
    assert dialog.task.isHidden()


def test_a_remedy_that_cannot_be_had_says_why(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    learning.drop_error = AppError("disk_full", "The disk is full.", "Make room.")
    dialog.again_requested.emit()
    program.settle()
    press(program, dialog, "finding.no_answer.drop")
    assert text_of(dialog, "problem.words") == "The disk is full. Make room."
    assert text_of(dialog, "title").endswith("from Support answers")


def test_a_remedy_in_the_setup_is_applied_and_looked_at(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    long = replace(CUT, severity="major", code="nothing_learnt", remedy="lengthen", count=2)
    learning.found = replace(GOOD, findings=(long,), longest=3000)
    dialog.again_requested.emit()
    program.settle()
    press(program, dialog, "finding.nothing_learnt.change")
    assert program.models.form.value("hp.max_seq_length") == 3008
    assert learning.counted[-1].hp.max_seq_length == 3008


def test_a_remedy_elsewhere_leads_there(
    program: Program, dialog: LearningDialog, learning: FakeLearning
) -> None:
    learning.found = replace(GOOD, findings=(NO_END,))
    dialog.again_requested.emit()
    program.settle()
    program.window.show_page(TRAINING + 1)
    press(program, dialog, "finding.no_end_of_turn.model")
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
    assert text_of(dialog, "refusal.words").startswith("The training was not started: 1 kind of")
    assert dialog.row.number.text() == "5"  # the first that is wrong
    focused = dialog.focusWidget()
    assert focused is not None
    assert focused.objectName() == "learning.drop_all"
    started: list[bool] = []
    program.wiring.training.gate.start_anyway = lambda: started.append(True)
    press(program, dialog, "start_anyway")
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
    press(program, dialog, "drop_all")
    assert learning.dropped == [("no_answer",)]
    assert dialog.findChild(QWidget, "learning.refusal").isHidden()
    press(program, dialog, "start")
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
    assert text_of(dialog, "refusal.words").startswith("There is something left: 1 kind of problem")
    assert dialog.findChild(QWidget, "learning.clear").isHidden()


def test_a_start_does_not_wait_for_our_look(program: Program, learning: FakeLearning) -> None:
    def start() -> None:
        program.models.run.status.set_starting(True)

    learning.on_count = start
    program.child("dataset.preview").click()
    program.settle()
    dialog = program.wiring.learning.dialog
    assert text_of(dialog, "message").startswith("Stopped")
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
    assert "only here: a training uses the model's own" in text_of(dialog, "setup")
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
    assert "a.json has no chat template" in text_of(dialog, "template.message")
    assert len(learning.rows_read) == 1


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
