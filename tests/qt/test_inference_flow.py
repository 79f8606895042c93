"""Quick Local Inference as a user meets it: from the end of a training to an exported chat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt

from app.connect_inference import TRAINING_HOLDS
from models.domain.config import HyperparameterSection, TrainingConfig
from models.domain.errors import AppError
from models.domain.inference import INFERENCE_PRESETS, Message, SamplePrompt, TunedModel
from models.domain.run import Run, RunState, RunUpdate
from models.qt.inference_model import BASE_TEXT, GENERATING_TEXT, LOADING_TEXT, InferenceState
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from views.panels.inference_panel import InferencePanel

ADAPTER = "/tmp/data/outputs/local_run/adapter"
MODEL = "unsloth/Qwen2.5-0.5B-Instruct"
GONE = AppError("adapter_missing", f"The adapter is no longer in {ADAPTER}.", "Put it back.")


def _finish(program: Program, run_id: str = "run-1", **changes: object) -> Run:
    """A run ends well while it is shown."""
    run = make_run(run_id, RunState.FINISHED, **changes)
    program.services.runs.stored[run.id] = run
    program.models.run.fill(RunUpdate(run))
    program.wiring.training.finished.emit(run)
    program.settle()
    return run


@pytest.fixture
def finished(program: Program) -> Program:
    """A program that shows a finished run."""
    _finish(program)
    return program


def _panel(program: Program) -> InferencePanel:
    return program.window.training.run_panel.inference


def _click(program: Program, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def _ask(program: Program, qtbot: QtBot, prompt: str = "Why?") -> None:
    program.child("infer.prompt").setPlainText(prompt)
    _click(program, qtbot, "infer.run")


def _answer(program: Program, qtbot: QtBot, prompt: str = "Why?") -> None:
    _ask(program, qtbot, prompt)
    program.settle()


def _engine_calls(program: Program) -> list[str]:
    return [name for name, _ in program.services.inference.calls]


@pytest.mark.spec("It appears after a successful local Docker run with a valid adapter path:")
@pytest.mark.spec(
    "Quick Local Inference is your instant demo station for freshly trained adapters."
)
@pytest.mark.spec(
    "After a successful run, the Quick Local Inference panel becomes visible and shows the "
    "detected adapter + base model."
)
def test_it_appears_when_a_run_has_ended_well(program: Program) -> None:
    assert _panel(program).isHidden()
    for state in (RunState.RUNNING, RunState.FAILED, RunState.CANCELLED, RunState.LOST):
        run = make_run(state=state)
        program.models.run.fill(RunUpdate(run))
        program.wiring.training.finished.emit(run)
        program.settle()
        assert _panel(program).isHidden()
        assert program.child("run.try").isHidden()
    _finish(program)
    assert not _panel(program).isHidden()
    assert not program.child("run.try").isHidden()
    assert program.child("infer.meta").text() == f"Adapter: {ADAPTER}\nBase model: {MODEL}"


def test_a_full_fine_tune_is_tried_as_a_model(program: Program) -> None:
    config = TrainingConfig(hp=HyperparameterSection(tuning="full"))
    _finish(program, config=config)
    folder = ADAPTER.replace("adapter", "model")
    assert program.child("infer.meta").text() == f"Model: {folder}\nBase model: {MODEL}"


def test_it_appears_for_any_earlier_finished_run(program: Program) -> None:
    run = make_run("earlier", RunState.FINISHED)
    program.services.runs.stored[run.id] = run
    program.wiring.runs.select(run)
    program.settle()
    assert program.window.runs is not None
    assert not program.window.runs.run_panel.inference.isHidden()
    assert program.child("runs.infer.samples").count() == 5
    assert _panel(program).isHidden(), "the Training page shows another run"


def test_a_run_whose_adapter_was_removed_says_so_instead(program: Program, qtbot: QtBot) -> None:
    program.services.runs.adapter_error = GONE
    _finish(program)
    assert not _panel(program).isHidden()
    assert program.child("infer.missing").text() == str(GONE)
    assert not program.child("infer.prompt").isVisible()
    assert program.child("run.try").isHidden()
    program.services.runs.adapter_error = None
    _click(program, qtbot, "infer.look_again")
    program.settle()
    assert program.child("infer.missing").isHidden()
    assert program.child("infer.prompt").isVisible()
    assert program.child("infer.samples").count() == 5


def test_an_adapter_that_vanishes_meanwhile_is_noticed(finished: Program, qtbot: QtBot) -> None:
    finished.services.runs.adapter_error = GONE
    _answer(finished, qtbot)
    assert finished.child("infer.missing").text() == str(GONE)
    assert "generate" not in _engine_calls(finished)


def test_it_is_the_last_part_of_the_training_page(finished: Program, qtbot: QtBot) -> None:
    column = finished.window.training.run_panel.column
    assert column.itemAt(column.count() - 1).widget() is _panel(finished)
    _click(finished, qtbot, "run.try")
    assert finished.child("infer.prompt").hasFocus()
    view = finished.window.training.run_panel.viewport()
    assert not finished.child("infer.samples").visibleRegion().isEmpty()
    top = _panel(finished).mapTo(view, QPoint(0, 0)).y()
    assert 0 <= top < 20, "it is shown from its beginning"
    _ask(finished, qtbot)
    history = finished.child("infer.history")
    assert history.mapTo(view, QPoint(0, history.height())).y() <= view.height()
    finished.settle()


@pytest.mark.spec("Status & meta")
@pytest.mark.spec("Status line (idle/loading/generating, errors).")
def test_the_status_line_tells_what_happens(finished: Program, qtbot: QtBot) -> None:
    status = finished.child("infer.status")
    assert status.text() == "Ready"
    _ask(finished, qtbot)
    assert status.text() == LOADING_TEXT
    finished.settle()
    assert status.text() == "Ready"
    _ask(finished, qtbot)
    assert status.text() == GENERATING_TEXT
    finished.settle()
    finished.services.inference.error = AppError("host_oom", "No memory.", "Close something.")
    _answer(finished, qtbot)
    assert status.text() == "No memory. Close something."
    assert status.property("tone") == "bad"
    assert finished.models.run.inference.exchanges[-1].error == "No memory."
    finished.services.inference.error = None
    _answer(finished, qtbot)
    assert (status.text(), status.property("tone")) == ("Ready", "")


@pytest.mark.spec("Meta line showing adapter path and base model.")
def test_the_meta_line_shows_adapter_path_and_base_model(finished: Program) -> None:
    lines = finished.child("infer.meta").text().splitlines()
    assert lines == [f"Adapter: {ADAPTER}", f"Base model: {MODEL}"]


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
    found = _panel(finished).request().settings
    assert (found.temperature, found.max_new_tokens, found.repetition_penalty) == numbers
    assert finished.child("infer.temperature").value() == round(numbers[0] * 20)
    assert finished.child("infer.max_new_tokens").value() == numbers[1] // 16
    assert f"{numbers[2]:g}" in finished.child("infer.sampling").text()


@pytest.mark.spec("Temperature slider.")
def test_moving_the_temperature_makes_the_preset_custom(finished: Program, qtbot: QtBot) -> None:
    slider = finished.child("infer.temperature")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    request = _panel(finished).request()
    assert (request.preset, finished.child("infer.preset").currentText()) == ("Custom", "Custom")
    assert request.settings == replace(INFERENCE_PRESETS["Deterministic"], temperature=0.05)


@pytest.mark.spec("Max new tokens slider.")
def test_moving_the_length_makes_the_preset_custom(finished: Program, qtbot: QtBot) -> None:
    slider = finished.child("infer.max_new_tokens")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    request = _panel(finished).request()
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
    _click(finished, qtbot, "infer.refresh_samples")
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
    _click(finished, qtbot, "infer.run")
    finished.settle()
    prompt.setPlainText("My own question?")
    assert finished.child("infer.expected").isHidden()
    _click(finished, qtbot, "infer.run")
    finished.settle()
    asked = [one.request for one in finished.models.run.inference.exchanges]
    assert [one.prompt for one in asked] == ["Question 1?", "My own question?"]
    assert [one.expected for one in asked] == ["Answer 1.", ""]


def test_a_dataset_without_prompts_says_so(program: Program) -> None:
    program.services.runs.prompts = []
    _finish(program)
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
    _finish(program)
    program.child("infer.samples").activated.emit(0)
    words = "Asked with the dataset's system prompt and 2 earlier messages of its row."
    assert program.child("infer.context").text() == words
    _click(program, qtbot, "infer.run")
    program.settle()
    _answer(program, qtbot, "My own?")
    assert program.child("infer.context").text() == "Asked with the dataset's system prompt."
    asked = [call[1][3] for call in program.services.inference.calls if call[0] == "generate"]
    assert asked == [earlier, (system,)]


def test_a_sample_of_one_run_is_not_taken_for_one_of_another(program: Program) -> None:
    _finish(program)
    program.child("infer.samples").activated.emit(0)
    program.services.runs.prompts = []
    _finish(program, "run-2")
    assert program.child("infer.prompt").toPlainText() == "Question 0?"
    assert program.child("infer.expected").isHidden()
    assert _panel(program).request().expected == ""


@pytest.mark.spec("When you click Run Inference:")
@pytest.mark.spec("Run Inference button.")
@pytest.mark.spec("The button is disabled.")
@pytest.mark.spec("A small progress ring appears next to the buttons.")
@pytest.mark.spec(
    "Once the response is ready, the spinner disappears, the button is re‑enabled, and the output "
    "appears in the list."
)
@pytest.mark.spec("Enter a prompt and click Run Inference to verify quality.")
def test_run_inference_shows_that_it_works_and_then_the_answer(
    finished: Program, qtbot: QtBot
) -> None:
    run, ring = finished.child("infer.run"), finished.child("infer.spinner")
    assert not run.isEnabled(), "there is no prompt yet"
    _ask(finished, qtbot)
    assert not run.isEnabled()
    assert ring.isVisible()
    assert ring.is_turning
    cancel = finished.child("infer.cancel")
    assert abs(ring.geometry().center().y() - run.geometry().center().y()) <= 2
    assert 0 < ring.geometry().left() - cancel.geometry().right() < 20
    finished.settle()
    assert run.isEnabled()
    assert not ring.isVisible()
    assert not ring.is_turning
    assert _shown_answers(finished) == ["one two three"]


def _shown_answers(program: Program) -> list[str]:
    from views.widgets.exchange_card import AnswerView

    history = program.child("infer.history")
    return [view.shown for view in history.widget().findChildren(AnswerView)]


@pytest.mark.spec("Status shows either:")
@pytest.mark.spec('"Loading fine‑tuned model and generating response..." (first call), or')
def test_the_first_answer_says_that_the_model_is_loaded(finished: Program, qtbot: QtBot) -> None:
    seen: list[str] = []
    model = finished.models.run.inference
    model.state_changed.connect(lambda: seen.append(finished.child("infer.status").text()))
    _answer(finished, qtbot)
    assert seen == ["Loading fine-tuned model and generating response…", "Ready"]
    assert finished.services.inference.calls[0] == ("load", TunedModel(MODEL, ADAPTER, "/tmp/data"))


@pytest.mark.spec('"Generating response from fine‑tuned model..." (subsequent calls).')
def test_later_answers_say_that_they_are_generated(finished: Program, qtbot: QtBot) -> None:
    _answer(finished, qtbot)
    seen: list[str] = []
    model = finished.models.run.inference
    model.state_changed.connect(lambda: seen.append(finished.child("infer.status").text()))
    _answer(finished, qtbot)
    assert seen == ["Generating response from fine-tuned model…", "Ready"]


def test_another_page_that_took_the_engine_makes_the_next_answer_a_first_one(
    finished: Program, qtbot: QtBot
) -> None:
    _answer(finished, qtbot)
    finished.services.inference.loaded = TunedModel("other", "/other", "/tmp/data")
    _ask(finished, qtbot)
    assert finished.child("infer.status").text() == LOADING_TEXT
    finished.settle()


@pytest.mark.spec(
    "The model uses proper chat templates for instruct models and includes repetition penalty to "
    "prevent degenerate outputs."
)
@pytest.mark.parametrize("preset", ["Deterministic", "Balanced", "Creative"])
def test_every_preset_is_asked_with_its_repetition_penalty(
    finished: Program, qtbot: QtBot, preset: str
) -> None:
    """The template is the worker's: tests/trainer/test_infer.py."""
    finished.child("infer.preset").textActivated.emit(preset)
    _answer(finished, qtbot)
    prompt, use, settings, context = finished.services.inference.calls[1][1]
    assert (prompt, use, context) == ("Why?", "adapter", ())
    assert settings == INFERENCE_PRESETS[preset]
    assert settings.repetition_penalty > 1


def test_base_beside_tuned(finished: Program, qtbot: QtBot) -> None:
    seen: list[str] = []
    model = finished.models.run.inference
    model.state_changed.connect(lambda: seen.append(model.status))
    finished.child("infer.compare").setChecked(True)
    _answer(finished, qtbot)
    uses = [call[1][1] for call in finished.services.inference.calls if call[0] == "generate"]
    assert uses == ["adapter", "base"]
    assert set(model.exchanges[0].answers) == {"adapter", "base"}
    assert seen == [LOADING_TEXT, BASE_TEXT, "Ready"]
    assert len(_shown_answers(finished)) == 2


def test_cancel_keeps_what_came_and_does_not_ask_the_base_model(
    finished: Program, qtbot: QtBot
) -> None:
    finished.child("infer.compare").setChecked(True)
    finished.services.inference.on_generate = finished.child("infer.cancel").click
    _answer(finished, qtbot)
    answers = finished.models.run.inference.exchanges[0].answers
    assert set(answers) == {"adapter"}
    assert answers["adapter"].finish == "cancelled"
    assert finished.models.run.inference.state is InferenceState.IDLE


def test_cancel_while_loading_makes_no_answer(finished: Program, qtbot: QtBot) -> None:
    _ask(finished, qtbot)
    _click(finished, qtbot, "infer.cancel")
    finished.settle()
    assert _engine_calls(finished) == []
    assert finished.models.run.inference.exchanges[0].is_over
    assert finished.child("infer.status").text() == "Ready"


def test_another_run_that_is_shown_meanwhile_gets_no_foreign_text(
    finished: Program, qtbot: QtBot
) -> None:
    _ask(finished, qtbot)
    finished.services.inference.on_generate = lambda: None
    other = make_run("run-2", RunState.FINISHED)
    finished.models.run.fill(RunUpdate(other))
    assert finished.models.run.inference.state is InferenceState.IDLE
    finished.wiring.training.finished.emit(other)
    finished.settle()
    assert finished.models.run.inference.exchanges == ()
    assert "generate" not in _engine_calls(finished)
    _answer(finished, qtbot, "For the other?")
    assert [one.request.prompt for one in finished.models.run.inference.exchanges] == [
        "For the other?"
    ]


@pytest.mark.spec("Output")
@pytest.mark.spec("Scrollable list of prompt/response pairs.")
def test_prompts_and_responses_are_listed_and_scroll(finished: Program, qtbot: QtBot) -> None:
    finished.services.inference.answer = "A long answer. " * 40
    for number in range(4):
        _answer(finished, qtbot, f"Question {number}")
    history = finished.child("infer.history")
    bar = history.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    assert len(_shown_answers(finished)) == 4
    bar.setValue(0)
    finished.models.run.inference.stream(4, "adapter", "More. " * 200)
    qtbot.wait(50)
    assert bar.value() == 0, "who reads further up is not pulled away"


@pytest.mark.spec("Placeholder text when there are no responses yet.")
@pytest.mark.spec("Clear history button.")
def test_clear_brings_the_placeholder_back(finished: Program, qtbot: QtBot) -> None:
    from views.widgets.chat_history import EMPTY
    from views.widgets.empty_state import EmptyState

    (placeholder,) = finished.child("infer.history").widget().findChildren(EmptyState)
    assert placeholder.sentence.text() == EMPTY
    assert not placeholder.isHidden()
    assert not finished.child("infer.clear").isEnabled()
    _answer(finished, qtbot)
    assert placeholder.isHidden()
    _click(finished, qtbot, "infer.clear")
    assert finished.models.run.inference.exchanges == ()
    assert not placeholder.isHidden()
    assert not finished.child("infer.export").isEnabled()


@pytest.mark.spec("Export chats button – Save your prompt/response history to a text file.")
def test_the_chats_are_written_where_the_user_says(
    finished: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    _answer(finished, qtbot)
    _click(finished, qtbot, "infer.export")
    dialog = finished.child("chats.dialog")
    dialog.fileSelected.emit(str(tmp_path / "chats.txt"))
    dialog.close()
    finished.settle()
    text = (tmp_path / "chats.txt").read_text("utf-8")
    for part in ("run-1", MODEL, "greedy", "at most 256 tokens", "Why?", "one two three"):
        assert part in text


def test_chats_that_cannot_be_written_are_an_error_with_a_next_step(
    finished: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    _answer(finished, qtbot)
    notices: list[str] = []
    finished.desk.notices.noticed.connect(lambda notice: notices.append(notice.text))
    finished.wiring.inference.training.export(tmp_path)
    finished.settle()
    assert notices[0].endswith("Choose another place.")


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
    assert "generate" not in _engine_calls(finished), "Esc ended it before it began"
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
    _answer(finished, qtbot)
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


def test_an_answer_can_be_copied_as_it_is(finished: Program, qtbot: QtBot) -> None:
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QToolButton

    finished.services.inference.answer = "<b>1\u00a0+\u00a01</b>"
    _answer(finished, qtbot)
    assert _shown_answers(finished) == ["<b>1\u00a0+\u00a01</b>"], "never as markup"
    (copy,) = finished.child("infer.history").findChildren(QToolButton)
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "<b>1\u00a0+\u00a01</b>"
