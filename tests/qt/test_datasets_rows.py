"""The rows of a dataset on its page: gone to by number, searched, with all their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from tests.qt.datasets_steps import SUPPORT, open_page, select

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


def test_a_row_is_gone_to_by_its_number(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    select(program, SUPPORT)
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
    open_page(program)
    select(program, SUPPORT)
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
    open_page(program)
    select(program, SUPPORT)
    find = program.child("datasets.find")
    find.setText("chemistry")
    qtbot.mouseClick(program.child("datasets.find_next"), Qt.MouseButton.LeftButton)
    program.settle()
    assert program.child("datasets.find_state").text() == "No row has “chemistry”."


def test_a_search_is_given_up_with_escape(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    select(program, SUPPORT)
    find, rows = program.child("datasets.find"), program.child("datasets.rows")
    find.setText("question 7")
    qtbot.keyClick(find, Qt.Key.Key_Return)
    assert program.child("datasets.find_state").text().startswith("Searching")
    qtbot.keyClick(find, Qt.Key.Key_Escape)
    program.settle()
    assert program.child("datasets.find_state").text() == ""
    assert not rows.currentIndex().isValid()


def test_columns_that_only_later_rows_have_are_shown(program: Program) -> None:
    open_page(program)
    select(program, SUPPORT)
    model = program.models.rows
    model.set_page(SUPPORT.id, 100, [{"prompt": "x", "system": "Be short."}])
    names = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    assert names == ["prompt", "messages", "system"]
    assert model.index(100, 2).data() == "Be short."
    assert model.index(0, 2).data() == ""
