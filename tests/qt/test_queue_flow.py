"""The queue: what waits, in which order, and what happens when the computer is free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt

from models.domain.errors import AppError, ConfigError, Problem
from models.domain.run import Failure, RunState, RunUpdate
from tests.qt.fakes import NOW, make_run, make_session
from views.main_window import RUNS, TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
LIVE = make_run("live", RunState.RUNNING, name="Long one", total_steps=10, step=4)


def _begin(program: Program, *waiting: str) -> None:
    """A run that trains, and some that wait."""
    services = program.services
    services.datasets.sessions = [make_session()]
    services.queue.busy = True
    services.runs.live = [LIVE]
    services.runs.stored = {"live": LIVE}
    _play(program)
    for place, name in enumerate(waiting):
        run = make_run(name, RunState.QUEUED, name=name, queued_at=NOW + place, started_at=None)
        services.runs.stored[name] = run
        services.queue.waiting.append(name)
    program.aio(program.wiring.fill())
    program.aio.until(lambda: program.models.queue.rowCount() == len(waiting))


def _play(program: Program) -> None:
    """The live run goes on until it is ended; every other one ends at once."""

    def poll(run_id: str) -> RunUpdate:
        run = program.services.runs.stored[run_id]
        return RunUpdate(run if run_id == "live" else replace(run, state=RunState.FINISHED))

    program.services.runs.poll = poll  # type: ignore[method-assign]


def _end(program: Program, state: RunState = RunState.FINISHED) -> None:
    """The live run ends; what is started after it ends at once."""
    program.services.queue.busy = False
    program.services.runs.stored["live"] = replace(LIVE, state=state, ended_at=NOW + 60)


def _called(program: Program, name: str) -> list[Any]:
    return [what for called, what in program.services.queue.calls if called == name]


def _queue(program: Program) -> list[list[str]]:
    rows = program.child("runs.queue.table").model()
    return [
        [rows.index(row, column).data() for column in (0, 1, 2)] for row in range(rows.rowCount())
    ]


def test_while_a_run_is_live_start_adds_to_the_queue_and_stop_is_still_there(
    program: Program,
) -> None:
    _begin(program)
    start, stop = program.child("local.start"), program.child("local.stop")
    assert start.text().replace("&", "") == "Add to queue"
    assert (start.isEnabled(), stop.isEnabled(), stop.isVisible()) == (True, True, True)
    assert program.window.actions_.start.text().replace("&", "") == "Add to queue"
    start.click()
    program.aio.until(lambda: program.models.queue.rowCount() == 1)
    assert _called(program, "enqueue") == ["refuse"]
    assert ("start", "refuse") not in program.services.runs.calls
    assert "waits in the queue as no. 1" in program.window.statusBar().currentMessage()
    _end(program)
    program.settle()
    assert program.child("local.start").text().replace("&", "") == "Start Local Training"


def test_a_setup_with_a_mistake_does_not_wait(program: Program) -> None:
    _begin(program)
    program.models.form.edit("dataset.session", "")
    program.child("local.start").click()
    assert _called(program, "enqueue") == []
    assert "Choose or import a dataset." in program.child("dataset.session.message").text()
    _end(program)
    program.settle()


def test_what_the_service_finds_wrong_stands_beneath_its_field(program: Program) -> None:
    _begin(program)
    problem = Problem("hp.base_model", "x", "is not there.", "Choose another.")
    program.services.queue.error = ConfigError([problem])
    program.child("local.start").click()
    program.aio.until(lambda: program.window.findChild(object, "hp.base_model.message") is not None)
    assert program.child("hp.base_model.message").text() == "Not there. Choose another."
    _end(program)
    program.settle()


def test_a_used_output_directory_is_asked_about_before_it_waits(program: Program) -> None:
    _begin(program)
    program.services.queue.error = AppError("output_exists", "It holds a run already.")
    program.child("local.start").click()
    program.aio.until(lambda: program.window.findChild(object, "question.new") is not None)
    program.child("question.new").click()
    program.aio.until(lambda: program.models.queue.rowCount() == 1)
    assert _called(program, "enqueue") == ["refuse", "new"]
    _end(program)
    program.settle()


def test_a_directory_of_a_run_that_trains_is_not_offered_to_be_overwritten(
    program: Program,
) -> None:
    _begin(program)
    program.services.queue.error = AppError("output_busy", "Run One is training into it right now.")
    program.child("local.start").click()
    program.aio.until(lambda: program.window.findChild(object, "question.new") is not None)
    assert program.window.findChild(object, "question.overwrite") is None
    program.child("question.new").click()
    program.aio.until(lambda: program.models.queue.rowCount() == 1)
    _end(program)
    program.settle()


def test_the_page_says_what_waits_for_what(program: Program) -> None:
    _begin(program, "First", "Second")
    program.window.show_page(RUNS)
    assert _queue(program) == [["1", "First", "Long one"], ["2", "Second", "First"]]
    names = program.child("runs.table").model()
    assert [names.index(row, 0).data() for row in range(names.rowCount())] == ["Long one"]
    program.child("runs.queue.table").selectRow(1)
    program.aio.until(lambda: program.models.shown_run.run_id == "Second")
    assert program.child("runs.status").text() == "Waiting to start"
    assert program.window.runs.table.selected_runs() == ()  # type: ignore[union-attr]
    _end(program)
    program.settle()


def test_the_order_is_changed_with_buttons_and_keys(program: Program, qtbot: QtBot) -> None:
    _begin(program, "First", "Second", "Third")
    program.window.show_page(RUNS)
    table = program.child("runs.queue.table")
    assert not program.child("runs.queue.up").isEnabled()
    table.selectRow(2)
    assert not program.child("runs.queue.down").isEnabled()
    program.child("runs.queue.up").click()
    program.aio.until(lambda: _queue(program)[1][1] == "Third")
    qtbot.keyClick(table, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    program.aio.until(lambda: _queue(program)[0][1] == "Third")
    assert program.window.runs.selected_runs()[0].id == "Third"  # type: ignore[union-attr]
    program.child("runs.queue.down").click()
    program.aio.until(lambda: _queue(program)[0][1] == "First")
    _end(program)
    program.settle()


def test_what_waits_is_taken_out(program: Program, qtbot: QtBot) -> None:
    _begin(program, "First", "Second")
    program.window.show_page(RUNS)
    table = program.child("runs.queue.table")
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    program.aio.until(lambda: len(_queue(program)) == 1)
    assert _queue(program) == [["1", "Second", "Long one"]]
    program.child("runs.queue.remove").click()  # the only one need not be selected
    program.aio.until(lambda: not program.child("runs.queue").isVisible())
    assert _called(program, "remove") == ["First", "Second"]
    _end(program)
    program.settle()
    assert _called(program, "start_next") == []


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.FAILED, RunState.CANCELLED])
def test_the_next_starts_by_itself_when_the_computer_is_free(
    program: Program, state: RunState
) -> None:
    _begin(program, "Next one", "After it")
    titles: list[str] = []
    program.desk.notices.noticed.connect(lambda notice: titles.append(notice.title))
    _end(program, state)
    program.settle()
    assert titles == [
        "Next one has started: it was next in the queue",
        "After it has started: it was next in the queue",
    ]
    assert program.models.run.run_id == "After it"
    assert program.models.queue.rowCount() == 0


def test_a_run_that_cannot_start_is_told_and_the_next_goes_on(program: Program) -> None:
    _begin(program, "Broken", "Sound")
    failure = Failure("bad_dataset", "Its dataset is gone.", "Import it again.")
    program.services.queue.failing = {"Broken": failure}
    _end(program)
    program.aio.until(lambda: program.models.run.run_id == "Sound")
    assert program.child("notice.title").text() == "Sound has started: it was next in the queue"
    assert program.child("notice.text").text() == (
        "Broken could not start: Its dataset is gone. Import it again."
    )
    broken = program.models.runs.find("Broken")
    assert broken is not None
    assert broken.state is RunState.FAILED
    program.settle()


def test_where_none_can_start_that_is_told(program: Program) -> None:
    _begin(program, "Broken")
    program.services.queue.failing = {"Broken": Failure("bad_dataset", "Its dataset is gone.")}
    _end(program)
    program.aio.until(lambda: program.child("notice.title").text() != "")
    program.settle()
    assert program.child("notice.title").text() == "The queue could not start a run"
    assert program.models.run.status.is_starting is False


def test_a_computer_that_is_not_ready_holds_the_queue(program: Program) -> None:
    _begin(program, "First")
    program.window.show_page(RUNS)
    program.services.queue.held = "Docker does not run. Start Docker Desktop."
    _end(program)
    program.settle()
    note, retry = program.child("runs.queue.note"), program.child("runs.queue.retry")
    assert note.text() == "Docker does not run. Start Docker Desktop."
    assert retry.isVisible()
    program.services.queue.held = ""
    _play(program)
    retry.click()
    program.settle()
    assert program.models.run.run_id == "First"
    assert program.models.queue.held == ""


def test_what_waits_starts_with_the_program(program: Program) -> None:
    program.services.runs.stored = {
        "First": make_run("First", RunState.QUEUED, queued_at=NOW, started_at=None)
    }
    program.services.queue.waiting = ["First"]
    _play(program)
    program.aio(program.wiring.fill())
    program.settle()
    assert program.models.run.run_id == "First"


def test_another_programs_run_is_waited_for(program: Program) -> None:
    program.services.runs.stored = {
        "First": make_run("First", RunState.QUEUED, queued_at=NOW, started_at=None)
    }
    program.services.queue.waiting = ["First"]
    program.services.queue.busy = True
    program.aio(program.wiring.fill())
    program.settle()
    assert program.models.run.run_id == ""
    assert not program.models.run.status.is_live
    program.services.queue.busy = False
    _play(program)
    queue = program.wiring.history.queue
    assert queue._look.isActive()
    queue._look.timeout.emit()
    program.settle()
    assert program.models.run.run_id == "First"
    assert not queue._look.isActive()


def test_the_model_in_memory_makes_room_for_the_next_run(program: Program) -> None:
    _begin(program, "First")
    _end(program)
    program.settle()
    unloaded = [what for what, _ in program.services.inference.calls if what == "unload"]
    assert unloaded


def test_looking_at_a_queue_that_waits_leaves_a_model_in_memory(program: Program) -> None:
    _begin(program, "First")
    program.services.queue.busy = True
    program.services.runs.stored["live"] = replace(LIVE, state=RunState.FINISHED)
    program.settle()
    program.services.inference.calls.clear()
    program.wiring.history.queue._on_look()
    program.settle()
    assert _called(program, "start_next")
    assert program.services.inference.calls == []
    program.services.queue.busy = False
    program.wiring.history.queue._on_look()
    program.settle()
    assert program.models.run.run_id == "First"
    assert ("unload", None) in program.services.inference.calls


def test_nothing_starts_while_the_program_is_about_to_end(program: Program) -> None:
    _begin(program, "First")
    program.wiring.closing.controller.stopping.emit(())
    _end(program, RunState.CANCELLED)
    program.settle()
    assert _called(program, "start_next") == []
    _play(program)
    program.wiring.closing.controller.given_up.emit()
    program.settle()
    assert program.models.run.run_id == "First"


def test_starting_is_not_offered_twice(program: Program) -> None:
    """Between the click and the run there is nothing to add to."""
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.window.show_page(TRAINING)
    _play(program)
    start = program.child("local.start")
    start.click()
    assert not start.isEnabled()
    program.wiring.training.start()
    program.settle()
    assert [how for what, how in program.services.runs.calls if what == "start"] == ["refuse"]
    assert _called(program, "enqueue") == []
