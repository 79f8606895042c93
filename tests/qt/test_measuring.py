"""Measuring a setup from the window: a button beside the estimate, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from controllers.lanes import Lane
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.measured_fit import MeasuredFit
from models.domain.run import HEARTBEAT, RunEvent, RunState, RunUpdate
from tests.qt.fakes import make_run, make_session, progress_event

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from services.progress import CancelToken
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
GIB = 2**30


@pytest.fixture
def ready(program: Program) -> Program:
    """A window with a dataset, in which a setup can be measured."""
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    return program


def press(qtbot: QtBot, program: Program) -> None:
    qtbot.mouseClick(program.child("hp.memory.measure"), Qt.MouseButton.LeftButton)
    program.aio.until(lambda: not program.child("measuring").isVisible())


def test_the_button_measures_what_the_form_says(ready: Program, qtbot: QtBot) -> None:
    ready.models.form.apply({"hp.batch_size": 3})
    press(qtbot, ready)
    assert [config.hp.batch_size for config in ready.services.probe.asked] == [3]
    notice = ready.window.training.banner
    assert notice.isVisible()
    assert "It fits: the longest batch (2 × 2,048 tokens) took 3.0 GB" in shown(ready)
    assert "at most 12.0 s" in shown(ready)
    assert ready.child("hp.memory.measure").isEnabled()


def shown(program: Program) -> str:
    return " ".join(label.text() for label in program.window.training.banner.findChildren(QLabel))


def test_what_does_not_fit_is_said_with_what_helps(ready: Program, qtbot: QtBot) -> None:
    ready.services.probe.found = MeasuredFit(
        False, "NVIDIA L4", 22 * GIB, 21 * GIB, 8, 2048, 40,
        message="The GPU ran out of memory.", advice=("Batch size 4 needs less memory.",),
    )  # fmt: skip
    press(qtbot, ready)
    assert "It does not fit: The GPU ran out of memory." in shown(ready)
    assert "Batch size 4 needs less memory." in shown(ready)


@pytest.mark.parametrize(
    "found",
    [
        MeasuredFit(False, "cpu", 22 * GIB, 21 * GIB, 8, 2048, 40, message="No memory."),
        MeasuredFit(False, "cpu", 21 * GIB, 21 * GIB, 8, 2048, 40, step_seconds=1.0),
        AppError("probe_died", "The measurement was ended by the system."),
    ],
)
def test_one_click_takes_less_memory_and_measures_again(
    ready: Program, qtbot: QtBot, found: MeasuredFit | AppError
) -> None:
    fits, ready.services.probe.found = ready.services.probe.found, found
    ready.models.form.apply({"hp.batch_size": 8, "hp.grad_accum": 2})
    press(qtbot, ready)
    button = ready.child("notice.action")
    assert button.text() == "Use batch size 4 and measure again"
    ready.services.probe.found = fits
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    ready.aio.until(lambda: "It fits" in shown(ready))
    asked = [(one.hp.batch_size, one.hp.grad_accum) for one in ready.services.probe.asked]
    assert asked == [(8, 2), (4, 4)]
    assert ready.models.form.value("hp.batch_size") == 4
    assert not button.isVisible()


def test_where_no_change_is_left_no_button_pretends_to_help(ready: Program, qtbot: QtBot) -> None:
    smallest = {
        "hp.batch_size": 1, "hp.gradient_checkpointing": "on", "hp.max_seq_length": 256,
    }  # fmt: skip
    ready.models.form.apply(smallest)
    ready.services.probe.found = AppError("probe_died", "It was ended by the system.")
    press(qtbot, ready)
    assert not ready.child("notice.action").isVisible()


def test_what_is_wrong_stands_at_its_field(ready: Program, qtbot: QtBot) -> None:
    problem = Problem("hp.base_model", "x", "is no model.", "Choose one.")
    ready.services.probe.found = ConfigError([problem])
    press(qtbot, ready)
    assert ready.models.form.problem("hp.base_model") == problem


def test_a_failure_is_a_sentence(ready: Program, qtbot: QtBot) -> None:
    ready.services.probe.found = AppError("auth", "Hugging Face did not let us in.", "Get a token.")
    press(qtbot, ready)
    assert "Hugging Face did not let us in." in shown(ready)


def test_it_can_be_cancelled_and_gives_way_to_a_training(
    ready: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[CancelToken] = []

    lane = Lane("measuring")

    def measure(cancel: CancelToken) -> None:
        asked.append(cancel)
        cancel.pause(60)

    async def measuring(_work: Any, *_: Any, cancel: CancelToken, **__: Any) -> None:
        await lane.run(measure, cancel)

    monkeypatch.setattr(ready.wiring._desk.lanes.inspection, "run", measuring)
    for give_up in (
        lambda: qtbot.mouseClick(ready.child("measuring.cancel"), Qt.MouseButton.LeftButton),
        lambda: ready.models.run.status.set_starting(True),
    ):
        qtbot.mouseClick(ready.child("hp.memory.measure"), Qt.MouseButton.LeftButton)
        ready.aio.until(ready.child("measuring").isVisible)
        assert not ready.child("hp.memory.measure").isEnabled()
        give_up()
        ready.aio.until(lambda: not ready.child("measuring").isVisible())
    qtbot.mouseClick(ready.child("hp.memory.measure"), Qt.MouseButton.LeftButton)
    assert len(asked) == 2  # a training has the memory
    ready.models.run.status.set_starting(False)
    assert lane.close(5)


def test_a_long_step_is_seen_to_go_on(ready: Program) -> None:
    run = replace(make_run("run-1", RunState.RUNNING, phase="training"), step=4, total_steps=10)
    status = ready.models.run.status
    ready.models.run.fill(RunUpdate(run, (progress_event(4),)))
    beat = RunEvent(9, 9.0, HEARTBEAT, {"phase": "training", "step": 4, "seconds": 45.2})
    ready.models.run.take(RunUpdate(run, (beat,)))
    assert status.facts()[0] == "Still working: 45 s in this step"
    ready.models.run.take(RunUpdate(run, (progress_event(5),)))
    assert not any("Still working" in fact for fact in status.facts())


def test_rows_and_bytes_move_the_bar(ready: Program) -> None:
    run = make_run("run-1", RunState.PREPARING, phase="tokenizing")
    fields = {"phase": "tokenizing", "seconds": 4.0, "done": 12_000, "total": 48_000}
    ready.models.run.fill(RunUpdate(run, (RunEvent(1, 1.0, HEARTBEAT, fields | {"unit": "rows"}),)))
    status = ready.models.run.status
    assert status.facts()[0] == "12,000 of 48,000 rows"
    assert status.fraction() == 0.25
    loading = fields | {"done": 2.4e9, "total": 0, "unit": "bytes"}
    ready.models.run.take(RunUpdate(run, (RunEvent(2, 2.0, HEARTBEAT, loading),)))
    assert status.facts()[0].endswith("so far")
    assert status.fraction() is None
