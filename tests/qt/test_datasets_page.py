"""The Datasets page: finding datasets, naming and deleting them, and how the page fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import DatasetPart
from models.domain.errors import AppError
from models.qt.dataset_facts import facts, made_of
from tests.qt.datasets_steps import (
    PHYSICS,
    POEMS,
    SUPPORT,
    actions_of,
    dialog_of,
    listed,
    open_page,
    select,
    selected,
)
from views.main_window import TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

POPUPS = pytest.mark.qt_log_ignore("does not support (propagateSizeHints|raise|grabbing)")


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
    open_page(program)
    program.child("datasets.search").setText(words)
    assert listed(program) == found


def test_a_search_without_a_match_says_so_and_can_be_left(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    program.child("datasets.search").setText("chemistry")
    assert program.child("datasets.no_match").isVisible()
    qtbot.mouseClick(program.child("datasets.show_all"), Qt.MouseButton.LeftButton)
    assert len(listed(program)) == 3
    assert program.child("datasets.table").isVisible()


def test_escape_ends_a_search(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    line = program.child("datasets.search")
    qtbot.keyClicks(line, "poems")
    assert listed(program) == ["Poems"]
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == ""
    assert len(listed(program)) == 3


def test_a_dataset_with_long_facts_makes_its_columns_wider(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    table, source = program.child("datasets.table"), 5
    before = table.columnWidth(source)
    long = replace(SUPPORT, id=99, name="Long", source="the letters of the spring.jsonl")
    program.models.datasets.put(long)
    qtbot.waitUntil(lambda: table.columnWidth(source) > before)
    assert table.columnWidth(source) >= table.sizeHintForColumn(source)


def test_without_one_dataset_it_is_said_how_rows_are_seen(program: Program) -> None:
    open_page(program)
    select(program, SUPPORT)
    hint = program.child("datasets.cell").placeholderText
    assert hint() == "Select a cell to read all of it."
    select(program, SUPPORT, POEMS)
    assert hint() == "Select one dataset to see its rows."


def test_what_is_known_of_the_selected_dataset_stands_over_its_rows(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    assert program.child("datasets.name").text() == "Physics"
    strip = program.child("datasets.details").toolTip()
    for words in ("Source: physik.csv", "1,200 rows, 840 kB", "Licence: not known"):
        assert words in strip
    assert "Columns: Frage → question, Antwort → answer" in strip
    select(program, SUPPORT, POEMS)
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
    open_page(program)
    select(program, POEMS)
    qtbot.mouseClick(program.child("datasets.use"), Qt.MouseButton.LeftButton)
    assert program.window.page == TRAINING
    assert program.models.form.value("dataset.session") == "Poems"


def test_a_renamed_dataset_stays_the_one_that_is_trained_on(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    program.models.form.load(with_values(TrainingConfig(), {"dataset.session": "Physics"}), "Mine")
    select(program, PHYSICS)
    qtbot.keyClick(program.child("datasets.table"), Qt.Key.Key_F2)
    program.child("dataset.name_dialog.name").setText("Mechanics")
    dialog_of(program, "dataset.name_dialog").accept()
    program.settle()
    assert "Mechanics" in listed(program)
    assert program.models.form.value("dataset.session") == "Mechanics"
    assert not program.models.form.is_unsaved
    assert program.child("datasets.name").text() == "Mechanics"


def test_a_name_that_is_taken_cannot_be_given(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    actions_of(program).rename.trigger()
    dialog = dialog_of(program, "dataset.name_dialog")
    dialog.line.setText("poems")
    assert not dialog._save.isEnabled()
    assert "exists already" in program.child("dataset.name_dialog.warning").text()
    dialog.reject()


def test_a_name_taken_meanwhile_is_said_on_the_page(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    program.services.datasets.error = AppError("name_taken", "It is taken.", "Take another.")
    program.wiring.library.library.rename(PHYSICS, "Poems")
    program.settle()
    assert program.child("datasets.notice").isVisible()
    assert program.child("datasets.notice.text").text() == "It is taken. Take another."
    assert not program.child("notice").isVisible()


def test_a_duplicate_is_selected(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    actions_of(program).duplicate.trigger()
    program.settle()
    assert selected(program) == ["Physics (copy)"]


def test_a_deleted_dataset_comes_back_with_the_button_of_the_notice(
    program: Program, qtbot: QtBot
) -> None:
    open_page(program)
    select(program, PHYSICS)
    qtbot.mouseClick(program.child("datasets.delete"), Qt.MouseButton.LeftButton)
    program.settle()
    assert listed(program) == ["Support answers", "Poems"]
    assert program.child("datasets.notice.title").text() == "Physics was deleted"
    qtbot.mouseClick(program.child("datasets.notice.action"), Qt.MouseButton.LeftButton)
    program.settle()
    assert listed(program) == ["Support answers", "Physics", "Poems"]
    assert selected(program) == ["Physics"]
    assert not program.child("datasets.notice").isVisible()
    assert not actions_of(program).undo.isEnabled()


def test_several_deletes_are_undone_one_after_the_other_with_the_keys(
    program: Program, qtbot: QtBot
) -> None:
    open_page(program)
    table = program.child("datasets.table")
    select(program, SUPPORT, PHYSICS)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    program.settle()
    assert program.child("datasets.notice.title").text() == "2 datasets were deleted"
    select(program, POEMS)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    program.settle()
    assert program.models.datasets.rowCount() == 0
    page = program.window.datasets
    assert page is not None
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    program.settle()
    assert listed(program) == ["Poems"]
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    program.settle()
    assert listed(program) == ["Support answers", "Physics", "Poems"]


def test_what_cannot_come_back_now_can_be_tried_again(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    actions_of(program).delete.trigger()
    program.settle()
    program.services.datasets.error = AppError("io", "The disk is gone.")
    actions_of(program).undo.trigger()
    program.settle()
    assert program.child("datasets.notice.text").text() == "The disk is gone."
    program.services.datasets.error = None
    actions_of(program).undo.trigger()
    program.settle()
    assert "Physics" in listed(program)


@POPUPS
def test_the_menu_opens_where_the_table_is_clicked(program: Program) -> None:
    open_page(program)
    table = program.window.datasets.table  # type: ignore[union-attr]
    table.customContextMenuRequested.emit(QPoint(20, 20))
    assert actions_of(program).menu.isVisible()
    actions_of(program).menu.close()


def test_a_few_columns_are_all_in_sight(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    select(program, SUPPORT)
    across = program.child("datasets.rows").horizontalScrollBar()
    qtbot.waitUntil(lambda: across.maximum() == 0)
    program.models.rows.show_session(None)
    wide = [{f"column {n}": "x" for n in range(30)}]
    program.models.rows.show_session(PHYSICS)
    program.models.rows.set_page(PHYSICS.id, 0, wide)
    qtbot.waitUntil(lambda: across.maximum() > 0)


def test_how_far_an_import_is_shows_on_the_datasets_page_too(
    program: Program, tmp_path: Path
) -> None:
    open_page(program)
    program.wiring.importing.controller.import_file(tmp_path / "a.jsonl")
    assert program.child("datasets.importing").isVisible()
    program.child("datasets.importing.cancel").click()
    program.settle()
    assert not program.child("datasets.importing").isVisible()


def test_a_narrow_page_keeps_every_action_in_its_menu(program: Program) -> None:
    open_page(program)
    program.window.resize(560, 400)
    QCoreApplication.processEvents()
    assert not program.child("datasets.delete").isVisible()
    assert program.child("datasets.more").isVisible()
    assert program.child("datasets.details").height() > 20
    program.window.resize(1280, 800)
    QCoreApplication.processEvents()
    assert program.child("datasets.delete").isVisible()


def test_the_page_without_datasets_offers_to_import(program: Program) -> None:
    open_page(program)
    select(program, SUPPORT, PHYSICS, POEMS)
    actions_of(program).delete.trigger()
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
