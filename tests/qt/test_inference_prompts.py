"""What is asked for: the presets, and the prompts of the run's own rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from models.domain.inference import INFERENCE_PRESETS, Message, SamplePrompt
from tests.qt import inference_steps
from tests.qt.inference_steps import answer, click, finish, panel

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

finished = inference_steps.finished


@pytest.mark.spec("Controls")
@pytest.mark.spec("Preset dropdown: Deterministic / Balanced / Creative.")
def test_the_presets_are_these(finished: Program) -> None:
    preset = finished.child("infer.preset")
    names = [preset.itemText(row) for row in range(preset.count())]
    assert names == ["Deterministic", "Balanced", "Creative", "Custom"]
    assert preset.currentText() == "Deterministic"


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("Deterministic", (0.0, 256, 1.1)),
        ("Balanced", (0.7, 256, 1.15)),
        ("Creative", (1.0, 512, 1.1)),
    ],
)
def test_a_preset_sets_everything(
    finished: Program, name: str, numbers: tuple[float, int, float]
) -> None:
    preset = finished.child("infer.preset")
    preset.setCurrentText(name)
    preset.textActivated.emit(name)
    found = panel(finished).request().settings
    assert (found.temperature, found.max_new_tokens, found.repetition_penalty) == numbers
    assert finished.child("infer.temperature").value() == round(numbers[0] * 20)
    assert finished.child("infer.max_new_tokens").value() == numbers[1] // 16
    assert f"{numbers[2]:g}" in finished.child("infer.sampling").text()


@pytest.mark.spec("Temperature slider.")
def test_moving_the_temperature_makes_the_preset_custom(finished: Program, qtbot: QtBot) -> None:
    slider = finished.child("infer.temperature")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    request = panel(finished).request()
    assert (request.preset, finished.child("infer.preset").currentText()) == ("Custom", "Custom")
    assert request.settings == replace(INFERENCE_PRESETS["Deterministic"], temperature=0.05)


@pytest.mark.spec("Max new tokens slider.")
def test_moving_the_length_makes_the_preset_custom(finished: Program, qtbot: QtBot) -> None:
    slider = finished.child("infer.max_new_tokens")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    request = panel(finished).request()
    assert request.preset == "Custom"
    assert request.settings == replace(INFERENCE_PRESETS["Deterministic"], max_new_tokens=16)


@pytest.mark.spec(
    "Sample prompts: After training completes, 5 random prompts from your training dataset are "
    "automatically loaded into the sample prompts dropdown."
)
@pytest.mark.spec(
    "Sample prompts from dataset – Dropdown with 5 random prompts from your training dataset for "
    "quick testing."
)
def test_five_marked_prompts_are_there_when_the_training_ends(finished: Program) -> None:
    samples = finished.child("infer.samples")
    found = [samples.itemText(row) for row in range(samples.count())]
    marks = ["held out", "trained on", "held out", "trained on", "held out"]
    assert found == [f"[{mark}] Question {n}?" for n, mark in enumerate(marks)]
    assert samples.currentIndex() == -1


@pytest.mark.spec("Click the refresh button to get new samples.")
def test_refresh_offers_other_prompts(finished: Program, qtbot: QtBot) -> None:
    before = {sample.prompt for sample in finished.models.run.inference.samples}
    click(finished, qtbot, "infer.refresh_samples")
    finished.settle()
    after = {sample.prompt for sample in finished.models.run.inference.samples}
    assert len(after) == 5
    assert not before & after


@pytest.mark.spec("Prompt text area – Enter your own prompt or select a sample above.")
@pytest.mark.spec(
    "This lets you quickly verify your model learned from the training data without manually "
    "copying prompts."
)
def test_a_sample_fills_the_prompt_and_shows_what_is_expected(
    finished: Program, qtbot: QtBot
) -> None:
    samples, prompt = finished.child("infer.samples"), finished.child("infer.prompt")
    assert finished.child("infer.expected").isHidden()
    samples.setCurrentIndex(1)
    samples.activated.emit(1)
    assert prompt.toPlainText() == "Question 1?"
    assert finished.child("infer.expected").text() == "Expected: Answer 1."
    click(finished, qtbot, "infer.run")
    finished.settle()
    prompt.setPlainText("My own question?")
    assert finished.child("infer.expected").isHidden()
    click(finished, qtbot, "infer.run")
    finished.settle()
    asked = [one.request for one in finished.models.run.inference.exchanges]
    assert [one.prompt for one in asked] == ["Question 1?", "My own question?"]
    assert [one.expected for one in asked] == ["Answer 1.", ""]


def test_a_dataset_without_prompts_says_so(program: Program) -> None:
    program.services.runs.prompts = []
    finish(program)
    samples = program.child("infer.samples")
    assert not samples.isEnabled()
    assert samples.placeholderText() == "The dataset has no prompts to try"


def test_prompts_are_asked_with_the_system_prompt_that_the_dataset_trained(
    program: Program, qtbot: QtBot
) -> None:
    """Without it the model would be asked in another format than it was trained in."""
    system = Message("system", "You are brief.")
    earlier = (system, Message("user", "Hi."), Message("assistant", "Hello."))
    program.services.runs.prompts = [
        SamplePrompt("And?", "That.", held_out=True, context=earlier),
        SamplePrompt("Why?", "So.", held_out=False, context=(system,)),
    ]
    finish(program)
    program.child("infer.samples").activated.emit(0)
    words = "Asked with the dataset's system prompt and 2 earlier messages of its row."
    assert program.child("infer.context").text() == words
    click(program, qtbot, "infer.run")
    program.settle()
    answer(program, qtbot, "My own?")
    assert program.child("infer.context").text() == "Asked with the dataset's system prompt."
    asked = [call[1][3] for call in program.services.inference.calls if call[0] == "generate"]
    assert asked == [earlier, (system,)]


def test_a_sample_of_one_run_is_not_taken_for_one_of_another(program: Program) -> None:
    finish(program)
    program.child("infer.samples").activated.emit(0)
    program.services.runs.prompts = []
    finish(program, "run-2")
    assert program.child("infer.prompt").toPlainText() == "Question 0?"
    assert program.child("infer.expected").isHidden()
    assert panel(program).request().expected == ""
