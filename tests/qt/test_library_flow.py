"""Datasets, saved setups and the list of runs, through the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from models.domain.config import SOURCE_HUB, SOURCE_SESSION, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from tests.qt.fakes import make_run, make_session, progress_event
from views.main_window import DATASETS, RUNS, TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


def _click(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def _fill(program: Program) -> None:
    program.aio(program.wiring.fill())
    program.settle()


def test_without_datasets_there_is_a_sentence_and_the_sample(
    program: Program, qtbot: QtBot
) -> None:
    _fill(program)
    assert program.child("dataset.use_sample").isVisible()
    assert not program.child("dataset.session").isVisible()
    _click(qtbot, program, "dataset.use_sample")
    program.settle()
    assert program.child("dataset.session").currentText() == "Sample"
    assert program.models.form.value("dataset.session") == "Sample"


def test_who_pressed_the_sample_goes_on_at_the_dataset(program: Program, qtbot: QtBot) -> None:
    program.aio(program.wiring.fill())
    sample = program.child("dataset.use_sample")
    sample.setFocus()
    qtbot.keyClick(sample, Qt.Key.Key_Space)
    program.settle()
    assert not sample.isVisible()
    assert program.child("dataset.session").hasFocus()


def test_the_newest_dataset_is_chosen_without_marking_the_setup_as_changed(
    program: Program,
) -> None:
    program.services.datasets.sessions = [make_session(2, "New"), make_session(1, "Old")]
    _fill(program)
    assert program.child("dataset.session").currentText() == "New"
    assert not program.models.form.is_unsaved


def test_a_saved_setup_without_a_dataset_stays_as_it_was_saved(program: Program) -> None:
    program.services.datasets.sessions = [make_session()]
    cloud = {"dataset.source": SOURCE_HUB, "dataset.hf_repo": "tatsu-lab/alpaca"}
    stored = with_values(TrainingConfig(), cloud)
    program.models.form.load(stored, "Mine")
    program.aio(program.wiring.datasets.read_list())
    assert program.models.form.config == stored


def test_using_a_dataset_of_the_library_makes_it_the_source(program: Program) -> None:
    _fill(program)
    program.models.form.edit("dataset.source", SOURCE_HUB)
    program.wiring.datasets.use(make_session())
    assert program.child("dataset.source").currentText() == SOURCE_SESSION
    assert program.models.form.value("dataset.session") == "Support answers"


def test_a_file_is_imported_with_progress_and_chosen(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(program)
    seen: list[object] = []
    program.wiring.importing.controller.progressed.connect(seen.append)
    program.window.actions_.import_dataset.trigger()
    dialog = program.child("import.dialog")
    dialog.filesSelected.emit([str(tmp_path / "mine.jsonl")])
    dialog.close()
    assert program.child("import").isVisible()
    program.settle()
    assert program.services.datasets.imported == [tmp_path / "mine.jsonl"]
    assert len(seen) == 1
    assert program.child("import").isHidden()
    assert program.child("dataset.session").currentText() == "mine"


def test_a_faulty_file_is_a_banner_with_its_lines(program: Program, tmp_path: Path) -> None:
    message = "Line 3: not valid JSON."
    program.services.datasets.error = AppError("bad_dataset", message, "Mend it.")
    program.wiring.importing.controller.import_file(tmp_path / "bad.jsonl")
    program.settle()
    assert program.child("notice.title").text() == "bad.jsonl was not imported"
    assert program.child("notice.text").text() == "Line 3: not valid JSON. Mend it."
    assert program.child("notice").isVisible()


def test_an_import_can_be_cancelled(program: Program, tmp_path: Path) -> None:
    program.wiring.importing.controller.import_file(tmp_path / "big.jsonl")
    program.wiring.importing.controller.import_file(tmp_path / "second.jsonl")
    program.child("import.cancel").click()
    program.settle()
    assert program.models.datasets.rowCount() == 0
    assert program.child("import").isHidden()
    assert program.services.datasets.imported == [tmp_path / "big.jsonl"]


def test_files_are_taken_by_drag_and_drop(program: Program, tmp_path: Path) -> None:
    mime = QMimeData()
    files = [tmp_path / "a.csv", tmp_path / "b.png"]
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    program.window.dropEvent(event)
    program.settle()
    assert program.services.datasets.imported == [tmp_path / "a.csv"]


def test_the_rows_of_a_dataset_are_shown_page_by_page(program: Program, qtbot: QtBot) -> None:
    program.services.datasets.sessions = [make_session(1, rows=5000)]
    _fill(program)
    _click(qtbot, program, "dataset.rows")
    program.settle()
    assert program.window.page == DATASETS
    table = program.child("datasets.rows")
    assert program.services.datasets.asked == [(0, 100)]
    assert table.model().rowCount() == 5000
    table.setCurrentIndex(table.model().index(7, 1))
    assert program.child("datasets.cell").toPlainText() == "user:\nRow 7"
    table.scrollToBottom()
    assert table.model().index(4999, 0).data() == "…"
    program.settle()
    assert program.services.datasets.asked[-1] == (4900, 100)
    assert table.model().index(4999, 0).data() == "Question 4999"


def test_a_dataset_is_deleted_at_once(program: Program, qtbot: QtBot) -> None:
    program.services.datasets.sessions = [make_session(1, "Old")]
    _fill(program)
    program.window.show_page(DATASETS)
    _click(qtbot, program, "datasets.delete")
    program.settle()
    assert program.services.datasets.sessions == []
    assert program.models.datasets.rowCount() == 0
    assert program.child("dataset.use_sample") is not None


def test_save_asks_for_a_name_once(program: Program, qtbot: QtBot) -> None:
    program.models.form.edit("hp.epochs", 3.0)
    program.window.actions_.save.trigger()
    program.child("config.name_dialog.name").setText("Mine")
    program.window.findChild(QWidget, "config.name_dialog").accept()  # type: ignore[union-attr]
    program.settle()
    assert program.services.configs.saved["Mine"].hp.epochs == 3.0
    assert program.window.windowTitle() == "Mine[*] — Temper"
    assert not program.window.isWindowModified()
    program.models.form.edit("hp.epochs", 4.0)
    assert program.window.isWindowModified()
    assert program.child("config.name").text() == "Mine · changed"
    program.window.actions_.save.trigger()
    program.settle()
    assert program.services.configs.saved["Mine"].hp.epochs == 4.0
    assert not program.window.isWindowModified()


def test_the_name_dialog_warns_before_it_replaces(program: Program) -> None:
    program.services.configs.saved = {"Mine": TrainingConfig()}
    _fill(program)
    program.window.actions_.save_as.trigger()
    line = program.child("config.name_dialog.name")
    dialog = program.window.findChild(QWidget, "config.name_dialog")
    line.setText("mine")
    texts = [button.text() for button in dialog.buttons.buttons()]  # type: ignore[union-attr]
    assert "Replace" in texts
    line.setText("  ")
    assert not dialog._save.isEnabled()  # type: ignore[union-attr]
    dialog.reject()  # type: ignore[union-attr]


def test_the_last_used_setup_is_in_the_form_at_the_start(program: Program) -> None:
    saved = with_values(TrainingConfig(), {"hp.epochs": 7.0, "dataset.session": "Old"})
    program.services.configs.saved = {"Mine": saved}
    program.services.configs.last = "Mine"
    program.services.datasets.sessions = [make_session(2, "New"), make_session(1, "Old")]
    _fill(program)
    assert program.child("hp.epochs").text() == "7"
    assert program.child("dataset.session").currentText() == "Old"
    assert program.models.form.config == saved


def test_what_the_user_began_is_not_overwritten_by_the_last_used_setup(program: Program) -> None:
    program.services.configs.saved = {"Mine": TrainingConfig()}
    program.services.configs.last = "Mine"
    program.models.form.edit("hp.epochs", 9.0)
    _fill(program)
    assert program.models.form.value("hp.epochs") == 9.0


def test_a_setup_that_cannot_be_read_is_said_so(program: Program) -> None:
    program.services.configs.error = AppError("bad_config", "It is broken.")
    _fill(program)
    assert program.child("notice.text").text() == "It is broken."


def test_loading_from_the_menu_asks_about_changes(program: Program, qtbot: QtBot) -> None:
    other = with_values(TrainingConfig(), {"hp.epochs": 2.0})
    program.services.configs.saved = {"Mine": TrainingConfig(), "Other": other}
    program.services.configs.last = "Mine"
    _fill(program)
    program.models.form.edit("hp.epochs", 5.0)
    menu = program.window.actions_.load_menu
    next(action for action in menu.actions() if action.text() == "Other").trigger()
    assert program.models.form.value("hp.epochs") == 5.0
    _click(qtbot, program, "question.yes")
    program.settle()
    assert program.models.form.config == other
    assert program.models.form.name == "Other"


def test_a_new_setup_has_the_defaults_and_the_newest_dataset(
    program: Program, qtbot: QtBot
) -> None:
    program.services.datasets.sessions = [make_session(2, "New")]
    _fill(program)
    program.models.form.edit("hp.epochs", 5.0)
    program.window.actions_.new.trigger()
    _click(qtbot, program, "question.yes")
    program.settle()
    assert program.models.form.value("hp.epochs") == 1.0
    assert program.models.form.value("dataset.session") == "New"


def test_a_selected_run_shows_its_history_and_prompts(program: Program, qtbot: QtBot) -> None:
    done = make_run("done", RunState.FINISHED)
    events = tuple(progress_event(n) for n in range(1, 4))
    program.services.runs.stored = {"done": done, "bad": make_run("bad", RunState.FAILED)}
    program.services.runs.histories["done"] = RunUpdate(done, events, "a\nb\n")
    _fill(program)
    program.window.show_page(RUNS)
    program.child("runs.table").selectRow(0)
    program.settle()
    program.models.shown_run.log.flush_all()
    assert program.child("runs.status").text() == "Training finished"
    assert program.models.shown_run.log.rowCount() == 2
    assert program.models.shown_run.metrics.curve("loss")[0] == [1, 2, 3]
    assert program.child("runs.infer.samples").count() == 5
    program.child("runs.infer.prompt").setPlainText("Hello?")
    _click(qtbot, program, "runs.infer.run")
    program.settle()
    assert len(program.models.shown_run.inference.exchanges) == 1
    assert program.models.run.inference.exchanges == ()


def test_a_run_is_resumed_deleted_and_its_setup_used(program: Program, qtbot: QtBot) -> None:
    config = with_values(TrainingConfig(), {"hp.epochs": 6.0})
    bad = make_run("bad", RunState.FAILED, config=config)
    program.services.runs.stored = {"bad": bad}
    program.services.runs.script = [RunUpdate(make_run("bad", RunState.FAILED, config=config))]
    _fill(program)
    program.window.show_page(RUNS)
    program.child("runs.table").selectRow(0)
    program.settle()
    _click(qtbot, program, "runs.resume")
    program.settle()
    assert ("resume", "bad") in program.services.runs.calls
    _click(qtbot, program, "runs.use_setup")
    assert program.window.page == TRAINING
    assert program.models.form.value("hp.epochs") == 6.0
    program.window.show_page(RUNS)
    _click(qtbot, program, "runs.delete")
    program.settle()
    _click(qtbot, program, "question.yes")
    program.settle()
    assert ("delete", (("bad",), False)) in program.services.history.calls
    assert program.models.runs.rowCount() == 0


def test_the_whole_log_is_copied(program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    source = tmp_path / "train.log"
    source.write_text("all of it\n" * 20_000, encoding="utf-8")
    program.services.runs.log = source
    program.models.run.begin(make_run())
    _click(qtbot, program, "run.download_logs")
    dialog = program.child("log.dialog")
    dialog.fileSelected.emit(str(tmp_path / "copy.log"))
    dialog.close()
    program.settle()
    assert (tmp_path / "copy.log").read_bytes() == source.read_bytes()
