"""Why a run failed, on the page: reason, evidence, and buttons that mend it in one click."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from models.domain.config_io import with_values
from models.domain.remedies import setup_of
from models.domain.run import Failure, Run, RunState, RunUpdate
from tests.qt.fakes import NOW, make_run, make_session, progress_event
from views.main_window import DATASETS, RUNS, SETTINGS, TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from models.domain.run import RunEvent
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
OOM = Failure("cuda_oom", "The GPU ran out of memory.", "Use a smaller batch.")


@pytest.fixture
def ready(program: Program) -> Program:
    """A window with a dataset and a run that can be started."""
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    program.models.form.apply({"hp.batch_size": 2, "hp.grad_accum": 4})
    running = make_run("run-1", RunState.FINISHED, config=program.models.form.config)
    program.services.runs.script = [RunUpdate(running)]
    return program


def failed(program: Program, failure: Failure | None = OOM, **changes: Any) -> Run:
    """Show a failed run on the Training page, with a checkpoint of step 40."""
    config = changes.pop("config", program.models.form.config)
    state = changes.pop("state", RunState.FAILED)
    run = make_run(
        "bad", state, failure=failure, config=config, step=41, total_steps=200, **changes
    )
    program.services.runs.stored[run.id] = run
    show(program, run)
    return run


def show(program: Program, run: Run, log: str = "loading\nRuntimeError: no\n") -> None:
    events = (checkpoint(40), progress_event(41, 200, peak_memory_bytes=3 * 1024**3))
    program.models.run.fill(RunUpdate(run, events, log))


def checkpoint(step: int) -> RunEvent:
    return replace(progress_event(step), type="checkpoint", fields={"step": step}, time=NOW)


def press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)
    program.settle()


def starts(program: Program) -> list[tuple[str, Any]]:
    return [call for call in program.services.runs.calls if call[0] in {"start", "resume"}]


def test_a_failed_run_says_why_and_what_to_do_next(ready: Program) -> None:
    failed(ready)
    assert ready.child("run.autopsy").isVisible()
    assert ready.child("run.reason").text() == "The GPU ran out of memory after step 41."
    assert ready.child("run.advice").text().startswith("Batch size 1 with accumulation 8")
    assert ready.child("run.remedy").text() == "Use batch size 1 and resume"


def test_one_click_trains_again_with_a_smaller_batch_from_the_checkpoint(
    ready: Program, qtbot: QtBot
) -> None:
    run = failed(ready)
    started: list[Any] = []
    real = ready.services.runs.start

    def start(config: Any, **more: Any) -> Run:
        started.append((config, more))
        return real(config, **more)

    ready.services.runs.start = start  # type: ignore[method-assign]
    press(qtbot, ready, "run.remedy")
    wanted = {"hp.batch_size": 1, "hp.grad_accum": 8}
    assert started == [(with_values(run.config, wanted), {"name": "bad", "on_existing": "resume"})]
    assert ready.child("hp.batch_size").text() == "1"  # and the form has it, too
    assert ready.models.form.value("hp.grad_accum") == 8
    assert ready.child("run.autopsy").isHidden()


def test_another_setup_in_the_form_stays_as_it_is(ready: Program, qtbot: QtBot) -> None:
    failed(ready)
    ready.models.form.edit("hp.epochs", 7.0)
    press(qtbot, ready, "run.remedy")
    assert starts(ready) == [("start", "resume")]
    assert ready.models.form.value("hp.batch_size") == 2


def test_the_buttons_work_by_keyboard(ready: Program, qtbot: QtBot) -> None:
    failed(ready)
    ready.window.activateWindow()
    button = ready.child("run.remedy")
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    ready.settle()
    assert starts(ready) == [("start", "resume")]


def test_resuming_in_one_click(ready: Program, qtbot: QtBot) -> None:
    failed(ready, Failure("network", "Hugging Face could not be reached."))
    assert ready.child("run.remedy").text() == "Resume from step 40"
    assert ready.child("run.resume").isHidden()  # it would be the same
    press(qtbot, ready, "run.remedy")
    assert starts(ready) == [("resume", "bad")]


@pytest.mark.parametrize(
    ("kind", "offered"),
    [("bad_dataset", False), ("cuda_oom", False), ("host_oom", False), ("auth", True)],
)
def test_plain_resuming_is_offered_where_it_can_help(
    ready: Program, kind: str, offered: bool
) -> None:
    failed(ready, Failure(kind, "It went wrong."))
    assert ready.child("run.resume").isVisible() is offered


def test_where_no_change_is_left_a_run_may_be_tried_again_as_it_was(ready: Program) -> None:
    smallest = {
        "hp.batch_size": 1, "hp.gradient_checkpointing": "on", "hp.max_seq_length": 256,
    }  # fmt: skip
    failed(ready, config=with_values(ready.models.form.config, smallest))
    assert ready.child("run.remedy").isHidden()
    assert ready.child("run.resume").isVisible()


def test_while_another_run_trains_nothing_is_started(ready: Program, qtbot: QtBot) -> None:
    run = failed(ready)
    ready.models.shown_run.fill(RunUpdate(run))
    ready.models.run.begin(make_run("live", RunState.RUNNING))
    said: list[str] = []
    ready.desk.notices.said.connect(said.append)
    ready.window.show_page(RUNS)
    press(qtbot, ready, "runs.remedy")
    assert starts(ready) == []
    assert len(said) == 1
    assert "Wait for its end or stop it" in said[0]


@pytest.mark.parametrize(
    ("kind", "name", "page"),
    [("auth", "run.remedy2", SETTINGS), ("bad_dataset", "run.remedy", DATASETS)],
)
def test_buttons_lead_to_the_right_page(
    ready: Program, qtbot: QtBot, kind: str, name: str, page: int
) -> None:
    failed(ready, Failure(kind, "It went wrong."))
    press(qtbot, ready, name)
    assert ready.window.page == page


def test_the_runs_setup_can_be_taken_into_the_form(ready: Program, qtbot: QtBot) -> None:
    config = with_values(ready.models.form.config, {"hp.epochs": 9.0})
    failed(ready, Failure("bad_config", "It went wrong."), config=config)
    press(qtbot, ready, "run.remedy")
    assert ready.models.form.value("hp.epochs") == 9.0
    assert ready.window.page == TRAINING


def test_a_missing_environment_is_set_up_and_the_very_run_starts(
    ready: Program, qtbot: QtBot
) -> None:
    failed(ready, Failure("runtime_missing", "It is not there."))
    ready.models.form.edit("hp.epochs", 7.0)  # the form holds something else by now
    ready.services.runtime.ready = False
    press(qtbot, ready, "run.remedy")
    assert ready.services.runtime.created == 1
    assert starts(ready) == [("resume", "bad")]


def test_the_evidence_unfolds_and_can_be_copied(ready: Program, qtbot: QtBot) -> None:
    failed(ready, exit_code=3)
    evidence = ready.child("run.evidence")
    fold = evidence.findChild(QAbstractButton, "run.evidence.fold")
    assert not ready.child("run.evidence.log").isVisible()
    press(qtbot, ready, "run.evidence.fold")
    assert ready.child("run.evidence.log").text() == "loading\nRuntimeError: no"
    words = " ".join(label.text() for label in evidence.findChildren(QLabel))
    for part in ("3: the GPU ran out of memory", "step 41 of 200", "of step 40", "3.0 GB"):
        assert part in words
    press(qtbot, ready, "run.evidence.copy")
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("The GPU ran out of memory after step 41.")
    assert "RuntimeError: no" in copied
    fold.setChecked(False)
    assert not ready.child("run.evidence.log").isVisible()


def test_what_came_after_the_run_was_shown_is_evidence_too(ready: Program) -> None:
    running = make_run("bad", RunState.RUNNING, phase="training")
    ready.models.run.fill(RunUpdate(running))
    ready.models.run.take(RunUpdate(running, (checkpoint(7),), "first\n"))
    ended = replace(running, state=RunState.FAILED, failure=Failure("driver", "It failed."))
    ready.models.run.take(RunUpdate(ended, (), "last words"))
    assert ready.child("run.remedy").text() == "Resume from step 7"
    made = ready.models.run.autopsy.autopsy
    assert made is not None
    assert made.log == ("first", "last words")


def test_a_lost_run_and_one_that_was_stopped_outside_are_explained(ready: Program) -> None:
    failed(ready, None, state=RunState.LOST)
    assert "nobody knows how it ended" in ready.child("run.reason").text()
    assert ready.child("run.autopsy").property("tone") == "bad"
    failed(ready, Failure("stopped_outside", "x"), state=RunState.CANCELLED)
    assert ready.child("run.reason").text() == "The process was stopped from outside after step 41."
    assert ready.child("run.autopsy").property("tone") == "warning"


def test_there_is_none_of_a_run_that_lives_or_was_stopped_here(ready: Program) -> None:
    for state in (RunState.RUNNING, RunState.CANCELLED, RunState.FINISHED):
        failed(ready, None, state=state)
        assert ready.child("run.autopsy").isHidden()


def test_each_page_explains_its_own_run(ready: Program) -> None:
    failed(ready)
    assert ready.child("runs.autopsy").isHidden()
    names = [child.objectName() for child in ready.window.findChildren(QWidget)]
    assert names.count("run.reason") == names.count("runs.reason") == 1


def test_a_run_that_cannot_be_looked_at_just_now_is_not_called_failed(ready: Program) -> None:
    run = make_run("run-1", RunState.RUNNING, phase="training")
    ready.models.run.fill(RunUpdate(run))
    ready.models.run.take(RunUpdate(run, trouble="Docker does not answer. Start it."))
    assert ready.child("run.warning").text() == "Docker does not answer. Start it."
    assert ready.child("run.autopsy").isHidden()
    ready.models.run.take(RunUpdate(run))
    assert ready.child("run.warning").isHidden()


def test_without_any_evidence_there_is_none_to_unfold(ready: Program) -> None:
    run = make_run("bad", RunState.FAILED, failure=Failure("docker_stopped", "Docker is off."))
    ready.models.run.fill(RunUpdate(run))
    assert ready.child("run.autopsy").isVisible()
    assert ready.child("run.evidence").isHidden()
    failed(ready)
    assert ready.child("run.evidence").isVisible()


def test_a_remedy_goes_on_where_the_checkpoints_of_the_run_are(
    ready: Program, qtbot: QtBot
) -> None:
    failed(ready, output_directory="/tmp/data/outputs/local_run-4")
    started: list[str] = []
    real = ready.services.runs.start

    def start(config: Any, **more: Any) -> Run:
        started.append(config.output.directory)
        return real(config, **more)

    ready.services.runs.start = start  # type: ignore[method-assign]
    press(qtbot, ready, "run.remedy")
    assert started == ["/data/outputs/local_run-4"]


def test_a_run_outside_the_data_folder_keeps_its_setup() -> None:
    run = make_run(output_directory="/elsewhere")
    assert setup_of(run) == run.config
