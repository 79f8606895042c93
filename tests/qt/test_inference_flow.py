"""Quick Local Inference as a user meets it: which run it is about, the keyboard, the memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt

from app.connect_inference import TRAINING_HOLDS
from models.domain.config import TrainingConfig
from models.domain.errors import AppError
from models.domain.hyperparameters import HyperparameterSection
from models.domain.run import Run, RunState, RunUpdate
from models.qt.inference_model import GENERATING_TEXT, LOADING_TEXT
from tests.qt import inference_steps
from tests.qt.fakes import make_run
from tests.qt.inference_steps import ADAPTER, MODEL, answer, ask, click, engine_calls, finish, panel

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
finished = inference_steps.finished

GONE = AppError("adapter_missing", f"The adapter is no longer in {ADAPTER}.", "Put it back.")


@pytest.mark.spec("It appears after a successful local Docker run with a valid adapter path:")
@pytest.mark.spec(
    "Quick Local Inference is your instant demo station for freshly trained adapters."
)
@pytest.mark.spec(
    "After a successful run, the Quick Local Inference panel becomes visible and shows the "
    "detected adapter + base model."
)
def test_it_appears_when_a_run_has_ended_well(program: Program) -> None:
    assert panel(program).isHidden()
    for state in (RunState.RUNNING, RunState.FAILED, RunState.CANCELLED, RunState.LOST):
        run = make_run(state=state)
        program.models.run.fill(RunUpdate(run))
        program.wiring.training.finished.emit(run)
        program.settle()
        assert panel(program).isHidden()
        assert program.child("run.try").isHidden()
    finish(program)
    assert not panel(program).isHidden()
    assert not program.child("run.try").isHidden()
    assert program.child("infer.meta").text() == f"Adapter: {ADAPTER}\nBase model: {MODEL}"


def test_a_full_fine_tune_is_tried_as_a_model(program: Program) -> None:
    config = TrainingConfig(hp=HyperparameterSection(tuning="full"))
    finish(program, config=config)
    folder = ADAPTER.replace("adapter", "model")
    assert program.child("infer.meta").text() == f"Model: {folder}\nBase model: {MODEL}"


def test_it_appears_for_any_earlier_finished_run(program: Program) -> None:
    run = make_run("earlier", RunState.FINISHED)
    program.services.runs.stored[run.id] = run
    program.wiring.runs.select(run)
    program.settle()
    assert program.child("runs.infer.samples").count() == 5
    assert not program.window.runs.run_panel.inference.isHidden()  # type: ignore[union-attr]
    assert panel(program).isHidden(), "the Training page shows another run"


def test_a_run_whose_adapter_was_removed_says_so_instead(program: Program, qtbot: QtBot) -> None:
    program.services.runs.adapter_error = GONE
    finish(program)
    assert not panel(program).isHidden()
    assert program.child("infer.missing").text() == str(GONE)
    assert not program.child("infer.prompt").isVisible()
    assert program.child("run.try").isHidden()
    program.services.runs.adapter_error = None
    click(program, qtbot, "infer.look_again")
    program.settle()
    assert program.child("infer.missing").isHidden()
    assert program.child("infer.prompt").isVisible()
    assert program.child("infer.samples").count() == 5


def test_an_adapter_that_vanishes_meanwhile_is_noticed(finished: Program, qtbot: QtBot) -> None:
    finished.services.runs.adapter_error = GONE
    answer(finished, qtbot)
    assert finished.child("infer.missing").text() == str(GONE)
    assert "generate" not in engine_calls(finished)


def test_it_is_the_last_part_of_the_training_page(finished: Program, qtbot: QtBot) -> None:
    column = finished.window.training.run_panel.column
    assert column.itemAt(column.count() - 1).widget() is panel(finished)
    click(finished, qtbot, "run.try")
    assert finished.child("infer.prompt").hasFocus()
    view = finished.window.training.run_panel.viewport()
    assert not finished.child("infer.samples").visibleRegion().isEmpty()
    top = panel(finished).mapTo(view, QPoint(0, 0)).y()
    assert 0 <= top < 20, "it is shown from its beginning"
    ask(finished, qtbot)
    history = finished.child("infer.history")
    assert history.mapTo(view, QPoint(0, history.height())).y() <= view.height()
    finished.settle()


@pytest.mark.spec("Status & meta")
@pytest.mark.spec("Status line (idle/loading/generating, errors).")
def test_the_status_line_tells_what_happens(finished: Program, qtbot: QtBot) -> None:
    status = finished.child("infer.status")
    assert status.text() == "Ready"
    ask(finished, qtbot)
    assert status.text() == LOADING_TEXT
    finished.settle()
    assert status.text() == "Ready"
    ask(finished, qtbot)
    assert status.text() == GENERATING_TEXT
    finished.settle()
    finished.services.inference.error = AppError("host_oom", "No memory.", "Close something.")
    answer(finished, qtbot)
    assert status.text() == "No memory. Close something."
    assert status.property("tone") == "bad"
    assert finished.models.run.inference.exchanges[-1].error == "No memory."
    finished.services.inference.error = None
    answer(finished, qtbot)
    assert (status.text(), status.property("tone")) == ("Ready", "")


@pytest.mark.spec("Meta line showing adapter path and base model.")
def test_the_meta_line_shows_adapter_path_and_base_model(finished: Program) -> None:
    lines = finished.child("infer.meta").text().splitlines()
    assert lines == [f"Adapter: {ADAPTER}", f"Base model: {MODEL}"]


@pytest.mark.spec("Sanity‑check a completed local run with Quick Local Inference")
@pytest.mark.spec("After a successful local run, use Quick Local Inference to test the adapter.")
def test_with_the_keyboard_alone(finished: Program, qtbot: QtBot) -> None:
    qtbot.keyClick(finished.child("run.try"), Qt.Key.Key_Space)
    prompt = finished.child("infer.prompt")
    assert prompt.hasFocus()
    qtbot.keyClicks(prompt, "Why?")
    qtbot.keyClick(prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert finished.models.run.inference.state.is_busy
    qtbot.keyClick(prompt, Qt.Key.Key_Escape)
    finished.settle()
    assert "generate" not in engine_calls(finished), "Esc ended it before it began"
    order = ["preset", "temperature", "max_new_tokens", "compare", "run", "clear", "export"]
    for name in [*order, "history"]:
        qtbot.keyClick(finished.window.focusWidget(), Qt.Key.Key_Tab)
        assert finished.window.focusWidget() is finished.child(f"infer.{name}")


def test_the_focus_is_never_lost_while_buttons_are_switched_off(
    finished: Program, qtbot: QtBot
) -> None:
    finished.child("infer.prompt").setPlainText("Why?")
    run = finished.child("infer.run")
    run.setFocus()
    qtbot.keyClick(run, Qt.Key.Key_Space)
    assert finished.window.focusWidget() is finished.child("infer.cancel")
    finished.settle()
    assert finished.window.focusWidget() is run


def test_the_memory_is_free_before_the_next_training_starts(
    finished: Program, qtbot: QtBot
) -> None:
    answer(finished, qtbot)
    order: list[str] = []
    services = finished.services
    unload, start = services.inference.unload, services.runs.start

    def record_unload() -> None:
        order.append("unloaded")
        unload()

    def record_start(*args: object, **kwargs: object) -> Run:
        order.append("started")
        return start(*args, **kwargs)  # type: ignore[arg-type]

    services.inference.unload = record_unload  # type: ignore[method-assign]
    services.runs.start = record_start  # type: ignore[method-assign, assignment]
    services.runs.script = [RunUpdate(make_run("run-1", RunState.RUNNING))]
    finished.wiring.training.start_with("refuse")
    assert not finished.models.run.inference.can_ask
    finished.aio.until(lambda: "started" in order)
    assert services.inference.loaded is None
    assert order.index("unloaded") < order.index("started")


def test_no_prompt_is_taken_while_a_training_runs_here(program: Program) -> None:
    finished, live = make_run("old", RunState.FINISHED), make_run("new", RunState.RUNNING)
    program.services.runs.stored = {run.id: run for run in (finished, live)}
    program.services.runs.script = [RunUpdate(live), RunUpdate(live)]
    program.models.run.fill(RunUpdate(live))
    program.wiring.follower.follow(live.id)
    program.wiring.runs.select(finished)
    program.aio.until(lambda: program.models.shown_run.inference.tuned is not None)
    shown = program.models.shown_run.inference
    program.aio.until(lambda: shown.status == TRAINING_HOLDS)
    assert not shown.can_ask
    program.services.runs.script = [RunUpdate(replace(live, state=RunState.CANCELLED))]
    program.aio.until(lambda: shown.status == "Ready")
    assert shown.can_ask
    program.settle()


@pytest.mark.parametrize(
    "name",
    [
        "status", "meta", "preset", "samples", "refresh_samples", "prompt", "temperature",
        "max_new_tokens", "compare", "run", "spinner", "cancel", "clear", "export", "history",
    ],
)  # fmt: skip
def test_every_control_has_a_name_for_screen_readers_and_a_tooltip(
    program: Program, name: str
) -> None:
    for prefix in ("infer", "runs.infer"):
        widget = program.child(f"{prefix}.{name}")
        assert widget.accessibleName()
        assert widget.toolTip() or name in {"status", "meta", "spinner"}
