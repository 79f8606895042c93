"""The Datasets page: finding datasets and rows, and what can be done with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import QDialog, QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import DatasetPart, MergePart
from models.domain.errors import AppError
from models.qt.dataset_facts import facts, made_of
from models.qt.merge_plan import MergePlan
from models.qt.split_plan import ROWS, SplitPlan
from tests.qt.fakes import make_session
from views.main_window import DATASETS, TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from models.domain.dataset import DatasetSession
    from tests.qt.conftest import Program

POPUPS = pytest.mark.qt_log_ignore("does not support (propagateSizeHints|raise|grabbing)")
SUPPORT = replace(make_session(3, "Support answers", rows=5000), licence="MIT")
PHYSICS = replace(
    make_session(2, "Physics", rows=1200),
    format="question_answer",
    source="/x/physik.csv",
    mapping="question=Frage, answer=Antwort",
)
POEMS = replace(make_session(1, "Poems", rows=10), format="text", licence="CC0")


def _open(program: Program, *sessions: DatasetSession) -> None:
    program.services.datasets.sessions = list(sessions or (SUPPORT, PHYSICS, POEMS))
    program.aio(program.wiring.fill())
    program.window.show_page(DATASETS)
    program.settle()


def _select(program: Program, *sessions: DatasetSession) -> None:
    program.window.datasets.table.select_items([session.id for session in sessions])  # type: ignore[union-attr]
    program.settle()


def _names(program: Program) -> list[str]:
    return [session.name for session in program.window.datasets.table.shown_items()]  # type: ignore[union-attr]


def _selected(program: Program) -> list[str]:
    table = program.window.datasets.table  # type: ignore[union-attr]
    return [session.name for session in table.selected_sessions()]


def _actions(program: Program) -> Any:
    return program.window.datasets.actions_  # type: ignore[union-attr]


def _dialog(program: Program, name: str) -> Any:
    found = program.window.findChild(QDialog, name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("physik.csv", ["Physics"]),
        ("question and answer", ["Physics"]),
        ("cc0", ["Poems"]),
        ("MIT support", ["Support answers"]),
        ("  ", ["Support answers", "Physics", "Poems"]),
    ],
)
def test_datasets_are_searched_by_name_source_format_and_licence(
    program: Program, words: str, found: list[str]
) -> None:
    _open(program)
    program.child("datasets.search").setText(words)
    assert _names(program) == found


def test_a_search_without_a_match_says_so_and_can_be_left(program: Program, qtbot: QtBot) -> None:
    _open(program)
    program.child("datasets.search").setText("chemistry")
    assert program.child("datasets.no_match").isVisible()
    qtbot.mouseClick(program.child("datasets.show_all"), Qt.MouseButton.LeftButton)
    assert len(_names(program)) == 3
    assert program.child("datasets.table").isVisible()


def test_escape_ends_a_search(program: Program, qtbot: QtBot) -> None:
    _open(program)
    line = program.child("datasets.search")
    qtbot.keyClicks(line, "poems")
    assert _names(program) == ["Poems"]
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == ""
    assert len(_names(program)) == 3


def test_a_dataset_with_long_facts_makes_its_columns_wider(program: Program, qtbot: QtBot) -> None:
    _open(program)
    table, source = program.child("datasets.table"), 5
    before = table.columnWidth(source)
    long = replace(SUPPORT, id=99, name="Long", source="the letters of the spring.jsonl")
    program.models.datasets.put(long)
    qtbot.waitUntil(lambda: table.columnWidth(source) > before)
    assert table.columnWidth(source) >= table.sizeHintForColumn(source)


def test_without_one_dataset_it_is_said_how_rows_are_seen(program: Program) -> None:
    _open(program)
    _select(program, SUPPORT)
    hint = program.child("datasets.cell").placeholderText
    assert hint() == "Select a cell to read all of it."
    _select(program, SUPPORT, POEMS)
    assert hint() == "Select one dataset to see its rows."


def test_what_is_known_of_the_selected_dataset_stands_over_its_rows(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    assert program.child("datasets.name").text() == "Physics"
    strip = program.child("datasets.details").toolTip()
    for words in ("Source: physik.csv", "1,200 rows, 840 kB", "Licence: not known"):
        assert words in strip
    assert "Columns: Frage → question, Antwort → answer" in strip
    _select(program, SUPPORT, POEMS)
    assert program.child("datasets.name").text() == "2 datasets, 5,010 rows"


def test_a_merged_dataset_tells_what_it_was_made_of() -> None:
    parts = (
        DatasetPart("Support answers", 800, 2.0, "MIT", "a.jsonl"),
        DatasetPart("Physics", 1200, 1.0),
    )
    merged = replace(SUPPORT, parts=parts, splits=(("train", 4900), ("test", 100)))
    assert made_of(merged) == (
        "Made of Support answers with weight 2 (800 rows, MIT); "
        "Physics (1,200 rows, licence not known)"
    )
    assert dict(facts(merged))["Splits"] == "train (4,900), test (100)"
    assert made_of(SUPPORT) == ""


def test_training_on_a_dataset_chooses_it_in_the_form(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, POEMS)
    qtbot.mouseClick(program.child("datasets.use"), Qt.MouseButton.LeftButton)
    assert program.window.page == TRAINING
    assert program.models.form.value("dataset.session") == "Poems"


def test_a_renamed_dataset_stays_the_one_that_is_trained_on(program: Program, qtbot: QtBot) -> None:
    _open(program)
    program.models.form.load(with_values(TrainingConfig(), {"dataset.session": "Physics"}), "Mine")
    _select(program, PHYSICS)
    qtbot.keyClick(program.child("datasets.table"), Qt.Key.Key_F2)
    program.child("dataset.name_dialog.name").setText("Mechanics")
    _dialog(program, "dataset.name_dialog").accept()
    program.settle()
    assert "Mechanics" in _names(program)
    assert program.models.form.value("dataset.session") == "Mechanics"
    assert not program.models.form.is_unsaved
    assert program.child("datasets.name").text() == "Mechanics"


def test_a_name_that_is_taken_cannot_be_given(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    _actions(program).rename.trigger()
    dialog = _dialog(program, "dataset.name_dialog")
    dialog.line.setText("poems")
    assert not dialog._save.isEnabled()
    assert "exists already" in program.child("dataset.name_dialog.warning").text()
    dialog.reject()


def test_a_name_taken_meanwhile_is_said_on_the_page(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    program.services.datasets.error = AppError("name_taken", "It is taken.", "Take another.")
    program.wiring.library.library.rename(PHYSICS, "Poems")
    program.settle()
    assert program.child("datasets.notice").isVisible()
    assert program.child("datasets.notice.text").text() == "It is taken. Take another."
    assert not program.child("notice").isVisible()


def test_a_duplicate_is_selected(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    _actions(program).duplicate.trigger()
    program.settle()
    assert _selected(program) == ["Physics (copy)"]


def test_a_deleted_dataset_comes_back_with_the_button_of_the_notice(
    program: Program, qtbot: QtBot
) -> None:
    _open(program)
    _select(program, PHYSICS)
    qtbot.mouseClick(program.child("datasets.delete"), Qt.MouseButton.LeftButton)
    program.settle()
    assert _names(program) == ["Support answers", "Poems"]
    assert program.child("datasets.notice.title").text() == "Physics was deleted"
    qtbot.mouseClick(program.child("datasets.notice.action"), Qt.MouseButton.LeftButton)
    program.settle()
    assert _names(program) == ["Support answers", "Physics", "Poems"]
    assert _selected(program) == ["Physics"]
    assert not program.child("datasets.notice").isVisible()
    assert not _actions(program).undo.isEnabled()


def test_several_deletes_are_undone_one_after_the_other_with_the_keys(
    program: Program, qtbot: QtBot
) -> None:
    _open(program)
    table = program.child("datasets.table")
    _select(program, SUPPORT, PHYSICS)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    program.settle()
    assert program.child("datasets.notice.title").text() == "2 datasets were deleted"
    _select(program, POEMS)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    program.settle()
    assert program.models.datasets.rowCount() == 0
    page = program.window.datasets
    assert page is not None
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    program.settle()
    assert _names(program) == ["Poems"]
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    program.settle()
    assert _names(program) == ["Support answers", "Physics", "Poems"]


def test_what_cannot_come_back_now_can_be_tried_again(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    _actions(program).delete.trigger()
    program.settle()
    program.services.datasets.error = AppError("io", "The disk is gone.")
    _actions(program).undo.trigger()
    program.settle()
    assert program.child("datasets.notice.text").text() == "The disk is gone."
    program.services.datasets.error = None
    _actions(program).undo.trigger()
    program.settle()
    assert "Physics" in _names(program)


@pytest.mark.parametrize(("file", "kind"), [("a.jsonl", "jsonl"), ("b.parquet", "parquet")])
def test_rows_are_exported_as_the_files_ending_says(
    program: Program, tmp_path: Path, file: str, kind: str
) -> None:
    _open(program)
    _select(program, PHYSICS)
    _actions(program).export.trigger()
    dialog = _dialog(program, "export.dialog")
    assert dialog.selectedFiles()[0].endswith("Physics.jsonl")
    dialog.fileSelected.emit(str(tmp_path / file))
    dialog.close()
    program.settle()
    assert program.services.datasets.calls[-1] == ("export", (2, tmp_path / file, kind))
    assert not program.child("datasets.task").isVisible()


def test_what_a_parquet_file_needs_is_set_up_from_the_page(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    _open(program)
    program.services.runtime.ready = False
    program.services.datasets.error = AppError("runtime_missing", "It needs the environment.")
    program.wiring.library.library.export(PHYSICS, tmp_path / "a.parquet")
    program.settle()
    assert program.child("datasets.notice.title").text() == "Physics was not exported"
    program.services.datasets.error = None
    qtbot.mouseClick(program.child("datasets.notice.action"), Qt.MouseButton.LeftButton)
    program.settle()
    assert program.services.runtime.ready
    wanted = ("export", (2, tmp_path / "a.parquet", "parquet"))
    assert program.services.datasets.calls == [wanted, wanted]
    assert not program.services.runs.calls  # setting it up for this starts no training


def test_choosing_parquet_changes_the_ending_of_the_name(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    _actions(program).export.trigger()
    dialog = _dialog(program, "export.dialog")
    dialog.filterSelected.emit("Parquet (*.parquet)")
    assert dialog.selectedFiles()[0].endswith("Physics.parquet")
    dialog.close()


def test_a_task_shows_how_far_it_is_and_can_be_cancelled(program: Program) -> None:
    _open(program)
    library, told = program.wiring.library.library, []
    library.task.progressed.connect(told.append)
    library.merge(MergePlan(((SUPPORT, 1.0), (PHYSICS, 1.0)), "Both"))
    assert program.child("datasets.task").isVisible()
    library.merge(MergePlan(((SUPPORT, 1.0), (POEMS, 1.0)), "Other"))  # one at a time
    program.child("datasets.task.cancel").click()
    program.settle()
    assert [progress.message for progress in told] == ["200 rows"]
    assert not program.child("datasets.task").isVisible()
    assert "Both" not in _names(program)
    assert len(program.services.datasets.calls) == 1


def test_datasets_are_merged_with_their_weights(program: Program) -> None:
    _open(program)
    _select(program, SUPPORT, PHYSICS)
    _actions(program).merge.trigger()
    program.child("merge.weight.0").setText("0,5")
    program.child("merge.weight.1").setText("2")
    assert program.child("merge.words").text() == (
        "4,900 rows from 2 datasets. All become chat messages."
    )
    assert program.child("merge.licences").text() == "Licences: MIT + unknown"
    program.child("merge.name").setText("Both")
    program.child("merge.ok").click()
    program.settle()
    parts = (MergePart(3, 0.5), MergePart(2, 2.0))
    assert program.services.datasets.calls[-1] == ("merge", (parts, "Both", 0, True))
    assert _selected(program) == ["Both"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("merge.weight.0", "0", "0 is no weight of a dataset."),
        ("merge.weight.0", "many", "Type a number as the weight of Support answers."),
        ("merge.name", "  ", "Give it a name."),
        ("merge.seed", "-1", "The seed is a whole number."),
    ],
)
def test_a_merge_that_cannot_be_says_why(
    program: Program, name: str, text: str, words: str
) -> None:
    _open(program)
    _select(program, SUPPORT, PHYSICS)
    _actions(program).merge.trigger()
    program.child(name).setText(text)
    assert program.child("merge.words").text().startswith(words)
    assert not program.child("merge.ok").isEnabled()
    _dialog(program, "merge").reject()


def test_formats_that_do_not_go_together_are_not_merged() -> None:
    plan = MergePlan(((SUPPORT, 1.0), (POEMS, 1.0)), "Both")
    assert "cannot be merged" in plan.problem
    assert "_" not in plan.problem  # words, not the names of formats in files
    assert plan.words == plan.problem


def test_a_part_is_split_off(program: Program) -> None:
    _open(program)
    _select(program, PHYSICS)
    _actions(program).split.trigger()
    assert program.child("split.words").text().startswith("About 1,080 rows to train on and 120")
    program.child("split.amount").setText("200")
    assert not program.child("split.ok").isEnabled()  # more than all of it
    program.child("split.unit").setCurrentIndex(1)
    program.child("split.as").setCurrentIndex(1)
    program.child("split.seed").setText("7")
    program.child("split.ok").click()
    program.settle()
    assert program.services.datasets.calls[-1] == ("split_off", (2, None, 200, 7, False))
    assert {"Physics", "Physics (rest)", "Physics (held out)"} <= set(_names(program))
    assert _selected(program) == ["Physics (rest)"]


@pytest.mark.parametrize("amount", [None, 0.0, 10.5, 1200.0])
def test_a_split_that_cannot_be_says_why(amount: float | None) -> None:
    assert SplitPlan(PHYSICS, amount, ROWS).problem


def test_what_needs_one_or_several_datasets_says_so(program: Program) -> None:
    _open(program)
    actions = _actions(program)
    _select(program, SUPPORT)
    assert not actions.merge.isEnabled()
    assert "two datasets or more" in actions.merge.toolTip()
    _select(program, SUPPORT, PHYSICS)
    assert actions.merge.isEnabled()
    assert not actions.export.isEnabled()
    assert actions.export.toolTip() == "Choose one dataset for this"


@POPUPS
def test_the_menu_opens_where_the_table_is_clicked(program: Program) -> None:
    _open(program)
    table = program.window.datasets.table  # type: ignore[union-attr]
    table.customContextMenuRequested.emit(QPoint(20, 20))
    assert _actions(program).menu.isVisible()
    _actions(program).menu.close()


def test_a_few_columns_are_all_in_sight(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, SUPPORT)
    across = program.child("datasets.rows").horizontalScrollBar()
    qtbot.waitUntil(lambda: across.maximum() == 0)
    program.models.rows.show_session(None)
    wide = [{f"column {n}": "x" for n in range(30)}]
    program.models.rows.show_session(PHYSICS)
    program.models.rows.set_page(PHYSICS.id, 0, wide)
    qtbot.waitUntil(lambda: across.maximum() > 0)


def test_a_row_is_gone_to_by_its_number(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, SUPPORT)
    qtbot.keyClick(
        program.child("datasets.table"), Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier
    )
    number = program.child("datasets.row_number")
    assert number.hasFocus()
    qtbot.keyClicks(number, "4,321")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    program.settle()
    rows = program.child("datasets.rows")
    assert rows.currentIndex().row() == 4320
    assert program.child("datasets.cell").toPlainText() == "Question 4320"
    assert program.services.datasets.asked[-1] == (4300, 100)
    number.setText("5001")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    assert program.child("datasets.find_state").text() == "The rows go from 1 to 5,000."
    assert rows.currentIndex().row() == 4320


def test_the_next_and_the_previous_row_with_a_text_are_found(
    program: Program, qtbot: QtBot
) -> None:
    _open(program)
    _select(program, SUPPORT)
    find, rows = program.child("datasets.find"), program.child("datasets.rows")
    find.setText("QUESTION 499")
    qtbot.keyClick(find, Qt.Key.Key_Return)
    program.settle()
    assert rows.currentIndex().row() == 499
    assert program.child("datasets.cell").textCursor().selectedText() == "Question 499"
    qtbot.keyClick(rows, Qt.Key.Key_F3)
    program.settle()
    assert rows.currentIndex().row() == 4990
    qtbot.keyClick(rows, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    program.settle()
    assert rows.currentIndex().row() == 499
    qtbot.keyClick(rows, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    program.settle()
    assert rows.currentIndex().row() == 4999
    assert program.child("datasets.find_state").text() == "Went on from the other end."


def test_a_text_that_no_row_has_is_said_so(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, SUPPORT)
    find = program.child("datasets.find")
    find.setText("chemistry")
    qtbot.mouseClick(program.child("datasets.find_next"), Qt.MouseButton.LeftButton)
    program.settle()
    assert program.child("datasets.find_state").text() == "No row has “chemistry”."


def test_a_search_is_given_up_with_escape(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, SUPPORT)
    find, rows = program.child("datasets.find"), program.child("datasets.rows")
    find.setText("question 7")
    qtbot.keyClick(find, Qt.Key.Key_Return)
    assert program.child("datasets.find_state").text().startswith("Searching")
    qtbot.keyClick(find, Qt.Key.Key_Escape)
    program.settle()
    assert program.child("datasets.find_state").text() == ""
    assert not rows.currentIndex().isValid()


def test_columns_that_only_later_rows_have_are_shown(program: Program) -> None:
    _open(program)
    _select(program, SUPPORT)
    model = program.models.rows
    model.set_page(SUPPORT.id, 100, [{"prompt": "x", "system": "Be short."}])
    names = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    assert names == ["prompt", "messages", "system"]
    assert model.index(100, 2).data() == "Be short."
    assert model.index(0, 2).data() == ""


def test_how_far_an_import_is_shows_on_the_datasets_page_too(
    program: Program, tmp_path: Path
) -> None:
    _open(program)
    program.wiring.importing.controller.import_file(tmp_path / "a.jsonl")
    assert program.child("datasets.importing").isVisible()
    program.child("datasets.importing.cancel").click()
    program.settle()
    assert not program.child("datasets.importing").isVisible()


def test_a_narrow_page_keeps_every_action_in_its_menu(program: Program) -> None:
    _open(program)
    program.window.resize(560, 400)
    QCoreApplication.processEvents()
    assert not program.child("datasets.delete").isVisible()
    assert program.child("datasets.more").isVisible()
    assert program.child("datasets.details").height() > 20
    program.window.resize(1280, 800)
    QCoreApplication.processEvents()
    assert program.child("datasets.delete").isVisible()


def test_the_page_without_datasets_offers_to_import(program: Program) -> None:
    _open(program)
    _select(program, SUPPORT, PHYSICS, POEMS)
    _actions(program).delete.trigger()
    program.settle()
    assert not program.child("datasets.import").isVisible()
    ways = program.child("datasets.import_first").menu()
    assert program.window.actions_.import_folder in ways.actions()
    assert program.child("datasets.notice").isVisible()
    sentence = (
        "No datasets yet. A dataset holds the examples that a model learns from.\n"
        "Drop a file or a folder here, or import one: JSON, CSV, Parquet, text and more."
    )
    labels = program.window.datasets.findChildren(QWidget)  # type: ignore[union-attr]
    assert any(label.isVisible() and getattr(label, "text", str)() == sentence for label in labels)
