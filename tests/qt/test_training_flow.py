"""From the form to a finished run, through the real views, models and controllers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from models.domain.availability import Circumstances
from models.domain.config import RUNTIME_DOCKER, TARGET_RUNPOD
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.run import RunState, RunUpdate
from tests.qt.fakes import make_run, make_session, progress_event

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


def _press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def _ready(program: Program) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()


def _script(program: Program) -> None:
    config = program.models.form.config
    running = make_run("run-1", RunState.RUNNING, config=config, phase="training", total_steps=10)
    first = tuple(progress_event(n, loss=3 - n / 10, eta_seconds=60.0) for n in range(1, 5))
    finished = make_run(
        "run-1", RunState.FINISHED, config=config, step=10, total_steps=10,
        eval_loss_before=2.5, eval_loss_after=1.25,
    )  # fmt: skip
    program.services.runs.script = [
        RunUpdate(replace(running, step=4), first, "loading\nWARNING: slow disk\n"),
        RunUpdate(replace(running, step=9), (progress_event(9, loss=1.0),), "step 9\n"),
        RunUpdate(finished, (), "done"),
    ]


@pytest.mark.spec("**Start Local Training / Stop** buttons.")
@pytest.mark.spec("Click **Start Local Training**.")
@pytest.mark.spec(
    "**Progress & logs** – status text, progress bar, timeline of log lines, and a **Download"
    " logs** button."
)
def test_a_run_starts_shows_its_progress_and_finishes(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    _script(program)
    seen: list[str] = []
    program.wiring.follower.updated.connect(
        lambda _update: seen.append(program.child("run.status").text())
    )
    _press(qtbot, program, "local.start")
    program.settle()
    assert program.services.runs.calls[0] == ("start", "refuse")
    assert seen[0] in {"Training", "Getting ready"}
    assert program.child("run.status").text() == "Training finished"
    assert program.child("run.progress").value() == program.child("run.progress").maximum()
    assert "held-out loss 2.5 → 1.25" in program.child("run.facts").text()
    assert program.child("infer.run").isVisible()
    assert program.child("infer.samples").count() == 5
    program.models.run.log.flush_all()
    assert program.models.run.log.rowCount() == 4
    assert program.models.run.metrics.curve("loss")[0] == [1, 2, 3, 4, 9]
    assert program.models.runs.items[0].state is RunState.FINISHED


def test_progress_is_a_true_fraction_with_the_time_left(program: Program) -> None:
    _ready(program)
    run = make_run(state=RunState.RUNNING, phase="training", step=4, total_steps=10)
    program.models.run.begin(run)
    program.models.run.take(RunUpdate(run, (progress_event(4, eta_seconds=185.0),)))
    bar = program.child("run.progress")
    assert bar.value() / bar.maximum() == 0.4
    assert program.child("run.time_left").text() == "about 3 min 05 s left"
    assert program.child("run.status").text() == "Training"


def test_start_without_a_dataset_shows_the_message_beneath_the_field(
    program: Program, qtbot: QtBot
) -> None:
    _press(qtbot, program, "local.start")
    program.settle()
    assert program.services.runs.calls == []
    assert "Choose or import a dataset." in program.child("dataset.session.message").text()


def test_problems_of_the_service_stand_beneath_their_fields(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    problem = Problem("hp.base_model", "x", "is not there.", "Choose another.")
    program.services.runs.error = ConfigError([problem])
    _press(qtbot, program, "local.start")
    program.settle()
    assert program.child("hp.base_model.message").text() == "Not there. Choose another."
    assert program.child("local.start").isEnabled()


def test_a_used_output_directory_is_asked_about(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    _script(program)
    program.services.runs.error = AppError("output_exists", "It holds a run already.")
    _press(qtbot, program, "local.start")
    program.settle()
    _press(qtbot, program, "question.new")
    program.settle()
    starts = [how for what, how in program.services.runs.calls if what == "start"]
    assert starts == ["refuse", "new"]


def test_other_failures_are_a_banner_with_the_next_step(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    program.services.runs.error = AppError("disk_full", "The disk is full.", "Make room.")
    _press(qtbot, program, "local.start")
    program.settle()
    assert program.child("notice.title").text() == "The training did not start"
    assert program.child("notice.text").text() == "The disk is full. Make room."


def test_a_missing_environment_is_set_up_on_request_and_the_run_starts(
    program: Program, qtbot: QtBot
) -> None:
    _ready(program)
    _script(program)
    program.services.runtime.ready = False
    _press(qtbot, program, "local.start")
    program.settle()
    assert ("start", "refuse") not in program.services.runs.calls
    _press(qtbot, program, "notice.action")
    program.settle()
    assert program.services.runtime.created == 1
    assert program.models.run.status.run is not None
    assert program.models.run.status.run.state is RunState.FINISHED
    assert program.child("environment").isHidden()


def test_setting_up_never_ends_in_a_pod_that_nobody_asked_for(
    program: Program, qtbot: QtBot
) -> None:
    _ready(program)
    form = program.models.form
    form.set_circumstances(Circumstances(has_runpod_key=True))
    program.services.runtime.ready = False
    _press(qtbot, program, "local.start")
    program.settle()
    _press(qtbot, program, "notice.action")
    form.edit("training.target", TARGET_RUNPOD)  # while it is being set up
    program.settle()
    assert program.services.runtime.created == 1
    assert [call for call in program.services.runs.calls if call[0] == "start"] == []
    assert program.models.run.status.run is None


@pytest.mark.parametrize(
    "elsewhere", [("training.target", TARGET_RUNPOD), ("local.runtime", RUNTIME_DOCKER)]
)
def test_setting_up_is_no_longer_offered_to_a_setup_that_trains_elsewhere(
    program: Program, qtbot: QtBot, elsewhere: tuple[str, str]
) -> None:
    _ready(program)
    program.services.runtime.ready = False
    _press(qtbot, program, "local.start")
    program.settle()
    program.models.form.edit("hp.epochs", 2.0)
    assert program.child("notice.action").text() == "Set up and start"
    assert program.child("notice").isVisible()
    program.models.form.edit(*elsewhere)
    assert not program.child("notice").isVisible()


def test_setting_up_can_be_cancelled_and_failures_offer_another_try(program: Program) -> None:
    _ready(program)
    program.services.runtime.ready = False
    program.wiring.environment.create()
    assert program.child("environment").isVisible()
    program.wiring.environment.cancel()
    program.settle()
    assert not program.services.runtime.ready
    assert program.child("environment").isHidden()
    program.services.runtime.error = AppError("network", "No network.", "Check the cable.")
    program.wiring.environment.create()
    program.settle()
    assert program.child("notice.action").text() == "Try again"


@pytest.mark.spec("Watch logs in the timeline; use **Stop** if needed.")
@pytest.mark.spec("**Start Local Training / Stop** buttons.")
def test_stop_asks_and_a_second_stop_ends_at_once(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    runs = program.services.runs
    running = make_run("run-1", RunState.RUNNING, phase="training")
    runs.script = [RunUpdate(running)]
    runs.stored["run-1"] = running
    program.models.run.begin(running)
    _press(qtbot, program, "local.stop")
    program.settle()
    assert ("stop", "run-1") in runs.calls
    assert program.child("local.stop").text() == "End now"
    _press(qtbot, program, "local.stop")
    program.settle()
    assert ("kill", "run-1") in runs.calls


def test_a_stopped_run_ends_through_the_polls(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    _script(program)
    runs = program.services.runs
    runs.script = runs.script[:1]
    _press(qtbot, program, "local.start")
    program.aio.until(lambda: program.models.run.status.is_live)
    program.aio.until(lambda: ("poll", "run-1") in runs.calls)
    _press(qtbot, program, "local.stop")
    program.settle()
    assert program.child("run.status").text() == "Stopped"
    assert program.child("run.resume").isVisible()
    assert program.child("local.start").isEnabled()


def test_resume_goes_on_with_the_same_run(program: Program, qtbot: QtBot) -> None:
    _ready(program)
    _script(program)
    run = make_run("run-1", RunState.CANCELLED, step=4, total_steps=10)
    program.services.runs.stored["run-1"] = run
    program.models.run.fill(RunUpdate(run))
    _press(qtbot, program, "run.resume")
    program.settle()
    assert ("resume", "run-1") in program.services.runs.calls
    assert program.child("run.status").text() == "Training finished"


def test_a_run_begun_in_a_terminal_is_found_from_the_menu(program: Program) -> None:
    _ready(program)
    said: list[str] = []
    program.desk.notices.said.connect(said.append)
    program.window.actions_.reattach.trigger()
    program.settle()
    assert said == ["No other run is going on"]
    run = make_run("elsewhere", RunState.RUNNING, phase="training")
    program.services.runs.live = [run]
    program.services.runs.stored[run.id] = run
    program.services.runs.script = [RunUpdate(replace(run, state=RunState.CANCELLED))]
    program.window.actions_.reattach.trigger()
    program.settle()
    assert program.models.run.run_id == "elsewhere"
    assert said[1].startswith("Re-attached to run elsewhere")


def test_a_live_run_is_shown_again_at_the_start(program: Program) -> None:
    _script(program)
    live = make_run("run-1", RunState.RUNNING, name="evening", phase="training", total_steps=10)
    program.services.runs.live = [live]
    program.services.runs.stored["run-1"] = live
    events = tuple(progress_event(n) for n in range(1, 4))
    program.services.runs.histories["run-1"] = RunUpdate(live, events, "first\nsecond\n")
    said: list[str] = []
    program.desk.notices.said.connect(said.append)
    program.aio(program.wiring.fill())
    program.settle()
    assert said == ["Re-attached to run evening"]
    names = [what for what, _ in program.services.runs.calls]
    assert names.index("history") < names.index("poll")
    program.models.run.log.flush_all()
    lines = [program.models.run.log.index(row, 0).data() for row in range(2)]
    assert lines == ["first", "second"]
    assert program.child("run.status").text() == "Training finished"


def test_trouble_that_lasts_is_told_and_waited_out_all_the_same(program: Program) -> None:
    _ready(program)
    _script(program)
    runs = program.services.runs
    real, failures = runs.poll, [AppError("db", "The database is locked.")] * 12

    def poll(run_id: str) -> RunUpdate:
        if failures:
            raise failures.pop()
        return real(run_id)

    runs.poll = poll  # type: ignore[method-assign]
    program.wiring.follower._seconds = 0.0
    program.wiring.training.start()
    program.settle()
    assert program.child("notice.text").text() == "The database is locked."
    assert program.child("run.status").text() == "Training finished"


def test_trouble_while_polling_is_waited_out(program: Program) -> None:
    _ready(program)
    _script(program)
    runs = program.services.runs
    real, failures = runs.poll, [AppError("db", "Locked."), AppError("db", "Locked.")]

    def poll(run_id: str) -> RunUpdate:
        if failures:
            raise failures.pop()
        return real(run_id)

    runs.poll = poll  # type: ignore[method-assign]
    program.wiring.training.start()
    program.settle()
    assert program.child("run.status").text() == "Training finished"
