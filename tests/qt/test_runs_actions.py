"""What can be done with a run: again, resumed, saved, exported, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QDesktopServices

from models.domain.errors import AppError, ConfigError, Problem
from models.domain.run import RunState, RunUpdate
from tests.qt.fakes import make_run
from tests.qt.runs_steps import POPUPS, calls, choose, open_page, some_runs
from views.main_window import TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.qt.conftest import Program


def test_what_cannot_be_done_says_why(program: Program) -> None:
    running = make_run("live", RunState.RUNNING, name="Live")
    program.services.runs.script = [RunUpdate(running)]
    open_page(program, [running, *some_runs()])
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
    assert program.child("runs.notice.title").text() == "Best so far cannot be run again exactly"
    assert program.child("runs.notice.text").text() == "Its dataset is gone. Import it again."


def test_a_setup_that_cannot_run_any_more_is_named_as_in_the_form(program: Program) -> None:
    open_page(program)
    problem = Problem("hp.base_model", "x", "is not on this computer.", "Go online.")
    program.services.history.error = ConfigError([problem])
    program.child("runs.again").click()
    program.settle()
    assert program.child("runs.notice.text").text() == (
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


def test_the_run_menu_is_about_the_page_that_is_shown(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    runs = some_runs()
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
