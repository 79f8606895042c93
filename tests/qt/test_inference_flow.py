"""Quick Local Inference through its panel: streaming, comparing, cancelling, presets, export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from controllers.inference_controller import TokenStream
from models.domain.errors import AppError
from models.domain.inference import INFERENCE_PRESETS
from models.domain.run import RunState, RunUpdate
from models.qt.inference_model import GENERATING_TEXT, LOADING_TEXT, InferenceState
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


@pytest.fixture
def finished(program: Program) -> Program:
    """A program that shows a finished run."""
    run = make_run(state=RunState.FINISHED)
    program.services.runs.stored[run.id] = run
    program.models.run.fill(RunUpdate(run))
    program.wiring.training.finished.emit(run)
    program.settle()
    return program


def _ask(program: Program, qtbot: QtBot, prompt: str = "Why?") -> None:
    program.child("infer.prompt").setPlainText(prompt)
    qtbot.mouseClick(program.child("infer.run"), Qt.MouseButton.LeftButton)


def test_the_panel_is_there_only_for_a_run_with_an_adapter(program: Program) -> None:
    panel = program.window.training.run_panel.inference
    assert panel.isHidden()
    for state in (RunState.RUNNING, RunState.FAILED):
        program.models.run.fill(RunUpdate(make_run(state=state)))
        assert panel.isHidden()
    program.models.run.fill(RunUpdate(make_run(state=RunState.FINISHED)))
    assert not panel.isHidden()
    meta = program.child("infer.meta").text()
    assert "outputs/local_run/adapter" in meta
    assert "Qwen2.5-0.5B" in meta


def test_an_answer_streams_and_is_kept(finished: Program, qtbot: QtBot) -> None:
    engine = finished.services.inference
    states: list[str] = []
    model = finished.models.run.inference
    model.state_changed.connect(lambda: states.append(finished.child("infer.status").text()))
    assert finished.child("infer.history").isVisible()
    _ask(finished, qtbot)
    assert not finished.child("infer.run").isEnabled()
    assert finished.child("infer.spinner").isVisible()
    finished.settle()
    assert engine.calls[0] == (
        "load",
        ("unsloth/Qwen2.5-0.5B-Instruct", "/tmp/data/outputs/local_run/adapter"),
    )
    prompt, use, settings = engine.calls[1][1]
    assert (prompt, use) == ("Why?", "adapter")
    assert settings == INFERENCE_PRESETS["Deterministic"]
    assert states == [LOADING_TEXT, GENERATING_TEXT, "Ready"]
    assert model.exchanges[0].texts == {"adapter": "one two three"}
    assert finished.child("infer.run").isEnabled()
    _ask(finished, qtbot, "And then?")
    assert finished.child("infer.status").text() == GENERATING_TEXT
    finished.settle()
    assert len(model.exchanges) == 2


def test_pieces_reach_the_model_in_order_and_none_is_lost(finished: Program, qtbot: QtBot) -> None:
    shown = finished.models.run
    stream = TokenStream(shown)
    from models.qt.inference_model import InferenceRequest

    shown.inference.begin(InferenceRequest("x", INFERENCE_PRESETS["Balanced"], "Balanced"))
    stream.begin("adapter")
    for piece in ("a", "b", "c"):
        stream.push(piece)
    qtbot.waitUntil(lambda: shown.inference.exchanges[-1].texts.get("adapter") == "abc")
    stream.push("d")
    stream.end()
    assert shown.inference.exchanges[-1].texts["adapter"] == "abcd"


def test_base_beside_tuned(finished: Program, qtbot: QtBot) -> None:
    finished.child("infer.compare").setChecked(True)
    _ask(finished, qtbot)
    finished.settle()
    uses = [call[1][1] for call in finished.services.inference.calls if call[0] == "generate"]
    assert uses == ["adapter", "base"]
    assert set(finished.models.run.inference.exchanges[0].answers) == {"adapter", "base"}


def test_cancel_keeps_what_came_and_does_not_ask_the_base_model(
    finished: Program, qtbot: QtBot
) -> None:
    engine = finished.services.inference
    finished.child("infer.compare").setChecked(True)

    def cancel() -> None:
        engine.calls.append(("cancel", None))
        finished.wiring.inference.cancel()

    engine.on_generate = cancel
    _ask(finished, qtbot)
    finished.settle()
    answers = finished.models.run.inference.exchanges[0].answers
    assert set(answers) == {"adapter"}
    assert answers["adapter"].finish == "cancelled"
    assert finished.models.run.inference.state is InferenceState.IDLE


def test_cancel_while_loading_makes_no_answer(finished: Program, qtbot: QtBot) -> None:
    _ask(finished, qtbot)
    qtbot.mouseClick(finished.child("infer.cancel"), Qt.MouseButton.LeftButton)
    finished.settle()
    calls = [name for name, _ in finished.services.inference.calls]
    assert "generate" not in calls
    assert finished.models.run.inference.exchanges[0].is_over


def test_failures_are_said_in_the_status_line(finished: Program, qtbot: QtBot) -> None:
    finished.services.inference.error = AppError("host_oom", "No memory.", "Close something.")
    _ask(finished, qtbot)
    finished.settle()
    assert finished.child("infer.status").text() == "No memory. Close something."
    assert finished.child("infer.run").isEnabled()


def test_samples_fill_the_prompt_and_show_the_expected_answer(
    finished: Program, qtbot: QtBot
) -> None:
    samples = finished.child("infer.samples")
    assert samples.count() == 5
    assert samples.itemText(0) == "[held out] Question 0?"
    assert samples.itemText(1) == "[trained on] Question 1?"
    samples.setCurrentIndex(1)
    samples.activated.emit(1)
    assert finished.child("infer.prompt").toPlainText() == "Question 1?"
    assert finished.child("infer.expected").text() == "Expected: Answer 1."
    qtbot.mouseClick(finished.child("infer.run"), Qt.MouseButton.LeftButton)
    finished.settle()
    assert finished.models.run.inference.exchanges[0].request.expected == "Answer 1."
    before = finished.services.runs.calls.count(("samples", "run-1"))
    qtbot.mouseClick(finished.child("infer.refresh_samples"), Qt.MouseButton.LeftButton)
    finished.settle()
    assert finished.services.runs.calls.count(("samples", "run-1")) == before + 1


@pytest.mark.parametrize("name", list(INFERENCE_PRESETS))
def test_presets_set_the_sliders_and_moving_one_is_custom(finished: Program, name: str) -> None:
    preset = finished.child("infer.preset")
    preset.setCurrentText(name)
    preset.textActivated.emit(name)
    sampling = finished.window.training.run_panel.inference.sampling
    assert sampling.settings() == INFERENCE_PRESETS[name]
    temperature = finished.child("infer.temperature")
    temperature.setValue(temperature.value() + 3)
    assert preset.currentText() == "Custom"
    moved = sampling.settings()
    assert moved.temperature == pytest.approx(INFERENCE_PRESETS[name].temperature + 0.15)
    assert moved.repetition_penalty == INFERENCE_PRESETS[name].repetition_penalty
    finished.child("infer.max_new_tokens").setValue(4)
    assert sampling.settings().max_new_tokens == 64


def test_clear_brings_the_placeholder_back(finished: Program, qtbot: QtBot) -> None:
    _ask(finished, qtbot)
    finished.settle()
    qtbot.mouseClick(finished.child("infer.clear"), Qt.MouseButton.LeftButton)
    assert finished.models.run.inference.exchanges == ()
    assert not finished.child("infer.export").isEnabled()


def test_the_chats_are_written_where_the_user_says(
    finished: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    _ask(finished, qtbot)
    finished.settle()
    qtbot.mouseClick(finished.child("infer.export"), Qt.MouseButton.LeftButton)
    dialog = finished.child("chats.dialog")
    dialog.fileSelected.emit(str(tmp_path / "chats.txt"))
    dialog.close()
    finished.settle()
    assert "one two three" in (tmp_path / "chats.txt").read_text("utf-8")


def test_a_new_training_gives_the_memory_back(finished: Program, qtbot: QtBot) -> None:
    _ask(finished, qtbot)
    finished.settle()
    finished.wiring.training.started.emit(make_run("run-2"))
    finished.settle()
    assert finished.services.inference.calls[-1] == ("unload", None)


def test_ctrl_return_runs_the_prompt(finished: Program, qtbot: QtBot) -> None:
    prompt = finished.child("infer.prompt")
    prompt.setPlainText("Why?")
    prompt.setFocus()
    qtbot.keyClick(prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    finished.settle()
    assert len(finished.models.run.inference.exchanges) == 1
