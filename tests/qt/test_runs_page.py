"""The Runs page: finding runs, naming and noting them, and what can be done with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.inference import TunedModel
from models.domain.run import RunState, RunUpdate
from models.qt.runs_model import TONE_ROLE
from tests.qt.fakes import NOW, make_run
from views.main_window import RUNS, TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from models.domain.run import Run
    from tests.qt.conftest import Program

POPUPS = pytest.mark.qt_log_ignore("does not support (propagateSizeHints|raise|grabbing)")
LLAMA = "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"


def _config(**values: object) -> TrainingConfig:
    chosen = {name.replace("__", "."): value for name, value in values.items()}
    usual = {"dataset.session": "Support answers", "hp.base_model": "unsloth/Qwen2.5-0.5B-Instruct"}
    return with_values(TrainingConfig(), {**usual, **chosen})


def _runs() -> list[Run]:
    """Newest first, as the history gives them."""
    return [
        make_run(
            "c", RunState.FINISHED, name="Best so far", config=_config(), created_at=NOW + 30,
            started_at=NOW + 30, ended_at=NOW + 130, train_loss=1.4, best_eval_loss=1.2,
            eval_loss_after=1.25, tags=("keep", "short answers"), notes="Flat after step 90.",
        ),
        make_run(
            "b", RunState.FAILED, name="Too large", base_model=LLAMA, config=_config(),
            created_at=NOW + 20, started_at=NOW + 20, ended_at=NOW + 25, train_loss=2.6,
        ),
        make_run(
            "a", RunState.CANCELLED, name="First try", created_at=NOW + 10, started_at=NOW + 10,
            config=_config(dataset__session="Manuals"), ended_at=NOW + 40, cost_usd=1.5,
        ),
    ]  # fmt: skip


def open_page(program: Program, runs: list[Run] | None = None) -> None:
    """The Runs page with these runs, filled as at the start."""
    found = _runs() if runs is None else runs
    program.services.runs.stored = {run.id: run for run in found}
    program.aio(program.wiring.fill())
    program.settle()
    program.window.show_page(RUNS)
    program.settle()


def shown(program: Program) -> list[str]:
    """The names of the runs that the table shows, from top to bottom."""
    rows = program.child("runs.table").model()
    return [rows.index(row, 0).data() for row in range(rows.rowCount())]


def choose(program: Program, *names: str) -> None:
    """Select runs by name."""
    ids = {run.id for run in program.models.runs.items if run.name in names}
    program.child("runs.table").select_items(ids)
    program.settle()


def calls(program: Program, name: str) -> list[Any]:
    """What the history was asked for under this name."""
    return [what for called, what in program.services.history.calls if called == name]


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
        program.aio.until(lambda: bool(calls(program, "set_notes")), timeout=8)
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
    assert program.child("notice.title").text() == "The notes were not kept"
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


def test_what_cannot_be_done_says_why(program: Program) -> None:
    running = make_run("live", RunState.RUNNING, name="Live")
    program.services.runs.script = [RunUpdate(running)]
    open_page(program, [running, *_runs()])
    delete, use = program.child("runs.delete"), program.child("runs.use_setup")
    assert (delete.isEnabled(), use.isEnabled()) == (False, True)
    assert delete.toolTip() == "It can be deleted once it has ended"
    choose(program, "Best so far", "Too large")
    assert (delete.isEnabled(), use.isEnabled()) == (True, False)
    assert use.toolTip() == "Choose one run for this"
    program.child("runs.table").clearSelection()
    program.settle()
    assert (delete.isEnabled(), use.toolTip()) == (False, "Choose a run in the table first")
    assert program.models.shown_run.run_id == ""


def test_a_run_is_run_again_exactly(program: Program) -> None:
    open_page(program)
    again = make_run("c-again", RunState.FINISHED, name="Best so far")
    program.services.runs.script = [RunUpdate(again)]
    program.child("runs.again").click()
    program.settle()
    assert calls(program, "run_again") == [("c", False)]
    assert program.models.run.run_id == "c-again"


def test_what_would_differ_is_asked_about_first(program: Program) -> None:
    open_page(program)
    program.services.runs.script = [RunUpdate(make_run("c-again", RunState.FINISHED))]
    program.services.history.remarks = ("The trainer's code is a newer one.",)
    program.child("runs.again").click()
    program.settle()
    assert calls(program, "run_again") == []
    program.child("question.yes").click()
    program.settle()
    assert calls(program, "run_again") == [("c", False)]


def test_while_something_trains_the_repetition_waits(program: Program) -> None:
    open_page(program)
    program.models.run.begin(make_run("live", RunState.RUNNING))
    program.services.queue.busy = True
    program.child("runs.again").click()
    program.services.queue.waiting = ["c-again"]
    program.settle()
    assert calls(program, "run_again") == [("c", True)]
    assert [run.id for run in program.models.queue.runs] == ["c-again"]


def test_a_run_that_cannot_be_repeated_says_why(program: Program) -> None:
    open_page(program)
    program.services.history.error = AppError("gone", "Its dataset is gone.", "Import it again.")
    program.child("runs.again").click()
    program.settle()
    assert program.child("notice.title").text() == "Best so far cannot be run again exactly"
    assert program.child("notice.text").text() == "Its dataset is gone. Import it again."


def test_a_setup_that_cannot_run_any_more_is_named_as_in_the_form(program: Program) -> None:
    open_page(program)
    problem = Problem("hp.base_model", "x", "is not on this computer.", "Go online.")
    program.services.history.error = ConfigError([problem])
    program.child("runs.again").click()
    program.settle()
    assert program.child("notice.text").text() == (
        "Base model is not on this computer. Go online. Or use its setup, and change that."
    )


def test_only_a_run_that_ended_early_is_resumed(program: Program) -> None:
    open_page(program)
    actions = program.window.runs.actions_  # type: ignore[union-attr]
    assert not actions.resume.isEnabled()
    choose(program, "First try")
    program.services.runs.script = [RunUpdate(make_run("a", RunState.CANCELLED))]
    actions.resume.trigger()
    program.settle()
    assert ("resume", "a") in program.services.runs.calls


def test_metrics_and_log_are_saved(program: Program, tmp_path: Path) -> None:
    open_page(program)
    program.services.runs.log = tmp_path / "train.log"
    (tmp_path / "train.log").write_text("all of it\n", encoding="utf-8")
    actions = program.window.runs.actions_  # type: ignore[union-attr]
    for action, dialog, name in (
        (actions.metrics, "metrics.dialog", "metrics.csv"),
        (actions.logs, "log.dialog", "copy.log"),
    ):
        action.trigger()
        program.child(dialog).fileSelected.emit(str(tmp_path / name))
        program.child(dialog).close()
        program.settle()
        assert (tmp_path / name).exists()
    assert calls(program, "export_metrics") == [("c", tmp_path / "metrics.csv")]


def test_what_a_run_made_is_exported_into_the_folder_that_is_chosen(
    program: Program, tmp_path: Path
) -> None:
    runs = _runs()
    runs[0] = replace(runs[0], adapter_path="/tmp/data/outputs/c/adapter")
    open_page(program, runs)
    export = program.window.runs.actions_.export  # type: ignore[union-attr]
    choose(program, "Best so far")
    export.trigger()
    program.child("runs.export_dialog").fileSelected.emit(str(tmp_path))
    program.child("runs.export_dialog").close()
    program.settle()
    assert program.services.exports.calls == [("c", tmp_path)]
    told = program.window.statusBar().currentMessage()
    assert told == f"Exported to {tmp_path / 'c-adapter'}"


def test_a_run_that_left_nothing_is_not_exported_and_a_failure_is_said(
    program: Program, tmp_path: Path
) -> None:
    runs = _runs()
    runs[0] = replace(runs[0], adapter_path="/tmp/data/outputs/c/adapter")
    open_page(program, runs)
    export = program.window.runs.actions_.export  # type: ignore[union-attr]
    choose(program, "First try")
    assert not export.isEnabled()
    assert "nothing" in export.toolTip()
    choose(program, "Best so far")
    program.services.exports.error = AppError("disk_full", "It is full.", "Make room.")
    export.trigger()
    program.child("runs.export_dialog").fileSelected.emit(str(tmp_path))
    program.child("runs.export_dialog").close()
    program.settle()
    assert program.child("notice.title").text() == "Nothing was exported"


def test_the_run_menu_is_about_the_page_that_is_shown(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    runs = _runs()
    runs[1] = make_run("b", RunState.FAILED, name="Too large", output_directory="/tmp/data/b")
    open_page(program, runs)
    folder, logs = program.window.actions_.open_folder, program.window.actions_.download_logs
    choose(program, "Too large")
    assert folder.isEnabled()
    folder.trigger()
    assert opened == ["/tmp/data/b"]
    choose(program, "Too large", "First try")
    assert not folder.isEnabled()
    assert not logs.isEnabled()
    program.window.show_page(TRAINING)
    assert not folder.isEnabled()
    program.models.run.begin(make_run())
    assert folder.isEnabled()


@POPUPS
def test_the_context_menu_has_the_same_actions(program: Program) -> None:
    open_page(program)
    table = program.child("runs.table")
    table.customContextMenuRequested.emit(QPoint(5, 5))
    menu = program.child("runs.menu")
    assert menu.isVisible()
    texts = [action.text().replace("&", "").split("\t")[0] for action in menu.actions()]
    assert [text for text in texts if text] == [
        "Use this setup", "Run again exactly", "Resume", "Train longer…", "New adapter on top…",
        "Open folder", "Export…", "Download logs…", "Export metrics…", "Rename", "Delete…",
    ]  # fmt: skip
    menu.close()


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
    for shown in (program.models.run, program.models.shown_run):
        shown.log.flush_all()
        assert list(shown.log.last_lines(5)) == ["first", "second"]


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
    open_page(program, _runs()[:2])
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
