"""The log: pieces into lines, the ring, filters, and when the view follows its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester

from models.qt.log_model import LEVEL_ROLE, SHOWN_CHARACTERS, LogModel, level_of
from tests.qt.conftest import destroy
from views.theme import current_theme
from views.widgets.log_view import LogView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


@pytest.fixture
def model(qapp: QCoreApplication) -> Iterator[LogModel]:
    made = LogModel(max_rows=100)
    tester = QAbstractItemModelTester(
        made, QAbstractItemModelTester.FailureReportingMode.Fatal, made
    )
    yield made
    tester.deleteLater()
    made.deleteLater()


@pytest.fixture
def view(model: LogModel, themed: None) -> Iterator[LogView]:
    made = LogView("run", model)
    current_theme().dress(made)
    made.resize(500, 240)
    made.show()
    yield made
    destroy(made)


def _texts(model: LogModel) -> list[str]:
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_pieces_become_lines_and_the_last_one_waits_for_its_end(model: LogModel) -> None:
    model.feed("one\ntw")
    model.feed("o\nthree")
    model.flush_all()
    assert _texts(model) == ["one", "two"]
    model.finish()
    assert _texts(model) == ["one", "two", "three"]


def test_the_oldest_lines_make_room(model: LogModel) -> None:
    for start in range(0, 250, 25):
        model.feed("".join(f"line {n}\n" for n in range(start, start + 25)))
        model.flush_all()
    assert model.rowCount() == 100
    assert _texts(model)[0] == "line 150"
    assert _texts(model)[-1] == "line 249"
    assert model.total == 250


def test_a_burst_is_one_insert(model: LogModel, qtbot: QtBot) -> None:
    inserts: list[int] = []
    model.rowsInserted.connect(lambda *_: inserts.append(1))
    with qtbot.waitSignal(model.rowsInserted):
        for n in range(90):
            model.feed(f"line {n}\n")
    assert len(inserts) == 1
    assert model.rowCount() == 90


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("step 1: loss 2.0", 0),
        ("FutureWarning: soon gone", 1),
        ("2026 WARN low memory", 1),
        ("torch.OutOfMemoryError: CUDA out of memory", 2),
        ("Traceback (most recent call last):", 2),
        ("no errors_found here", 0),
    ],
)
def test_levels(text: str, level: int) -> None:
    assert level_of(text) == level


def test_filters_by_level_and_text_and_keeps_filtering_what_comes(model: LogModel) -> None:
    model.feed("info a\nWARNING b\nerror a\n")
    model.flush_all()
    model.set_level(1)
    assert _texts(model) == ["WARNING b", "error a"]
    model.set_needle("A")
    assert _texts(model) == ["WARNING b", "error a"]
    model.set_needle("r a")
    model.feed("warning x\nerror again\n")
    model.flush_all()
    assert _texts(model) == ["error a", "error again"]
    model.set_level(0)
    model.set_needle("")
    assert model.rowCount() == 5


def test_filtered_rows_leave_with_their_lines(model: LogModel) -> None:
    model.set_level(2)
    for n in range(150):
        model.feed(f"{'error' if n % 50 == 0 else 'info'} {n}\n")
        model.flush_all()
    assert _texts(model) == ["error 50", "error 100"]


def test_control_characters_and_overwritten_progress_are_cleaned(model: LogModel) -> None:
    model.feed("10%\r50%\r100% done\n\x1b[31mred\x1b[0m\n\x07bell\n")
    model.flush_all()
    assert _texts(model) == ["100% done", "red", "bell"]


def test_long_lines_are_cut_on_the_screen_only(model: LogModel, view: LogView) -> None:
    long = "x" * (SHOWN_CHARACTERS + 10)
    model.feed(long + "\n")
    model.flush_all()
    assert _texts(model)[0].endswith("(+10 characters)")
    view.table.selectAll()
    view.table.copy_selection()
    assert QGuiApplication.clipboard().text() == long


def test_the_view_follows_its_end_only_while_it_is_there(model: LogModel, view: LogView) -> None:
    def feed(count: int) -> None:
        model.feed("".join(f"line {n}\n" for n in range(count)))
        model.flush_all()

    bar = view.table.verticalScrollBar()
    feed(60)
    assert bar.value() == bar.maximum() > 0
    assert view.follow.isChecked()
    bar.setValue(10)
    assert not view.follow.isChecked()
    shown = view.table.indexAt(view.table.viewport().rect().topLeft()).data()
    feed(60)
    assert not view.table.is_following
    assert view.table.indexAt(view.table.viewport().rect().topLeft()).data() == shown or (
        bar.value() == 0
    )
    view.follow.click()
    assert bar.value() == bar.maximum()
    feed(5)
    assert bar.value() == bar.maximum()


def test_the_level_reaches_the_delegate(model: LogModel) -> None:
    model.feed("error\n")
    model.flush_all()
    assert model.index(0, 0).data(LEVEL_ROLE) == 2
    assert model.index(0, 0).data(Qt.ItemDataRole.DecorationRole) is None
