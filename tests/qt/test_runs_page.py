"""The Runs page: its columns, its filters, what it reads, and how it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt

from models.domain.inference import TunedModel
from models.domain.run import RunState, RunUpdate
from models.qt.runs_model import TONE_ROLE
from tests.qt.fakes import make_run
from tests.qt.runs_steps import choose, open_page, shown, some_runs
from views.main_window import RUNS, TRAINING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


def test_without_runs_there_is_a_sentence_and_a_way_to_training(program: Program) -> None:
    open_page(program, [])
    assert not program.child("runs.table").isVisible()
    assert not program.child("runs.more").isVisible()


def test_the_newest_run_is_selected_when_the_page_opens(program: Program) -> None:
    open_page(program)
    assert program.models.shown_run.run_id == "c"
    assert program.child("runs.name").text() == "Best so far"
    assert program.child("runs.status").text() == "Training finished"


def test_what_is_selected_stays_so_when_the_list_is_read_again(program: Program) -> None:
    open_page(program)
    choose(program, "Too large")
    program.services.runs.stored = {
        "d": make_run("d", RunState.FINISHED, name="From a terminal"),
        **program.services.runs.stored,
    }
    program.window.show_page(TRAINING)
    program.window.show_page(RUNS)
    program.settle()
    assert shown(program)[0] == "From a terminal"
    assert [run.name for run in program.window.runs.selected_runs()] == ["Too large"]  # type: ignore[union-attr]


def test_the_columns_tell_what_matters(program: Program) -> None:
    open_page(program)
    rows = program.child("runs.table").model()
    heads = [
        rows.headerData(place, Qt.Orientation.Horizontal) for place in range(rows.columnCount())
    ]
    assert heads == [
        "Name", "State", "Loss", "Best loss", "Started", "Took", "Base model", "Dataset",
        "Cost",
    ]  # fmt: skip
    best = [rows.index(0, place).data() for place in (1, 2, 3, 5, 6, 7, 8)]
    assert best == [
        "Finished", "1.25", "1.2", "1 min 40 s", "Qwen2.5-0.5B-Instruct", "Support answers", "–",
    ]  # fmt: skip
    assert rows.index(2, 8).data() == "$1.50"
    assert [rows.index(row, 1).data(TONE_ROLE) for row in range(3)] == ["good", "bad", "quiet"]


def test_runs_without_a_loss_are_last_when_sorted_by_it(program: Program) -> None:
    open_page(program)
    program.child("runs.table").sortByColumn(2, Qt.SortOrder.AscendingOrder)
    assert shown(program) == ["Best so far", "Too large", "First try"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("too", ["Too large"]),
        ("llama", ["Too large"]),
        ("manuals", ["First try"]),
        ("flat", ["Best so far"]),
        ("SHORT best", ["Best so far"]),
        ("stopped", ["First try"]),
        ("best manuals", []),
    ],
)
def test_the_search_filters_as_one_types(
    program: Program, qtbot: QtBot, words: str, found: list[str]
) -> None:
    open_page(program)
    qtbot.keyClicks(program.child("runs.search"), words)
    assert shown(program) == found
    assert program.child("runs.no_match").isVisible() == (not found)


def test_all_runs_come_back_with_one_button(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    qtbot.keyClicks(program.child("runs.search"), "nothing like it")
    program.child("runs.show_all").click()
    assert len(shown(program)) == 3
    assert program.child("runs.search").text() == ""


def test_states_and_tags_filter_too(program: Program) -> None:
    open_page(program)
    states, tags = program.child("runs.state"), program.child("runs.tag")
    states.setCurrentText("Failed")
    states.textActivated.emit("Failed")
    assert shown(program) == ["Too large"]
    states.setCurrentText("All states")
    states.textActivated.emit("All states")
    assert [tags.itemText(row) for row in range(tags.count())] == [
        "All tags", "keep", "short answers",
    ]  # fmt: skip
    tags.setCurrentText("keep")
    tags.textActivated.emit("keep")
    assert shown(program) == ["Best so far"]


def test_without_tags_there_is_nothing_to_filter_by(program: Program) -> None:
    open_page(program, [make_run("a", RunState.FINISHED)])
    assert not program.child("runs.tag").isVisible()


def test_the_keyboard_searches_and_goes_on_to_the_table(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    table, search = program.child("runs.table"), program.child("runs.search")
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert search.hasFocus()
    qtbot.keyClicks(search, "first")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    program.settle()
    assert table.hasFocus()
    assert program.models.shown_run.run_id == "a"


def test_only_the_run_that_is_wanted_last_is_read(program: Program) -> None:
    open_page(program)
    program.services.runs.calls.clear()
    table = program.child("runs.table")
    for row in (1, 2):  # faster than anything is read
        table.selectRow(row)
    program.settle()
    assert [what for name, what in program.services.runs.calls if name == "history"] == ["a"]
    assert program.models.shown_run.run_id == "a"


@pytest.mark.parametrize("width", [600, 920, 1280])
def test_nothing_is_cut_at_the_right(program: Program, width: int) -> None:
    open_page(program)
    program.window.resize(width, 800)
    program.aio.until(lambda: program.window.width() == width)
    program.settle()
    page = program.window.runs
    assert page is not None
    for name in ("runs.more", "runs.search", "runs.name", "runs.notes", "runs.table"):
        widget: QWidget = program.child(name)
        right = widget.mapTo(page, QPoint(widget.width(), 0)).x()
        assert 0 < right <= page.width(), name


def test_tab_goes_through_the_page_as_it_is_read(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    page = program.window.runs
    assert page is not None
    seen: list[str] = []
    program.child("runs.use_setup").setFocus()
    for _ in range(14):
        focused = program.window.focusWidget()
        seen.append(focused.objectName())
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    wanted = [
        "runs.use_setup", "runs.again", "runs.delete", "runs.more", "runs.search", "runs.state",
        "runs.tag", "runs.table", "runs.name", "runs.tags", "runs.notes",
    ]  # fmt: skip
    assert seen[: len(wanted)] == wanted


def test_what_the_runs_page_reads_of_a_live_run_is_on_the_training_page_too(
    program: Program,
) -> None:
    """What a run brought is told once, to whoever asked; both pages show it."""
    live = make_run("live", RunState.RUNNING, name="Long one", phase="training")
    program.models.runs.set_items((live,))
    program.models.run.begin(live)
    program.models.run.take(RunUpdate(live, (), "first\n"))
    program.services.runs.history = lambda _id: RunUpdate(live, (), "first\nsecond\n")  # type: ignore[method-assign]
    program.wiring.runs.select(live)
    program.settle()
    for model in (program.models.run, program.models.shown_run):
        model.log.flush_all()
        assert list(model.log.last_lines(5)) == ["first", "second"]


def test_a_narrow_table_shows_whole_columns_and_a_wide_one_all_that_say_something(
    program: Program,
) -> None:
    open_page(program)
    table = program.child("runs.table")
    program.window.resize(1280, 800)
    program.settle()
    QCoreApplication.processEvents()
    places = range(table.model().columnCount())
    assert table.horizontalHeader().length() <= table.viewport().width()
    assert [table.isColumnHidden(place) for place in places] == [False] * 6 + [True] * 3
    program.window.resize(2600, 900)
    QCoreApplication.processEvents()
    assert not any(table.isColumnHidden(place) for place in places)


def test_a_column_of_costs_is_for_runs_that_had_some(program: Program) -> None:
    program.window.resize(2600, 900)
    open_page(program, some_runs()[:2])
    QCoreApplication.processEvents()
    table = program.child("runs.table")
    assert [table.isColumnHidden(place) for place in (7, 8)] == [False, True]


def test_the_model_of_a_run_in_the_table_is_tried_on_its_page(program: Program) -> None:
    open_page(program)
    program.models.shown_run.inference.set_tuned(None)
    assert not program.window.actions_.try_model.isEnabled()
    program.models.shown_run.inference.set_tuned(TunedModel("test/model", "/data/adapter", "/"))
    assert program.window.actions_.try_model.isEnabled()
    program.window.actions_.try_model.trigger()
    assert program.window.page == RUNS
