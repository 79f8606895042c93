"""What is answered: streamed, compared, cancelled, kept, and exported as a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from models.domain.inference import INFERENCE_PRESETS, TunedModel
from models.domain.run import RunState, RunUpdate
from models.qt.inference_model import BASE_TEXT, LOADING_TEXT, InferenceState
from tests.qt import inference_steps
from tests.qt.fakes import make_run
from tests.qt.inference_steps import ADAPTER, MODEL, answer, ask, click, engine_calls

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

finished = inference_steps.finished


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
    ask(finished, qtbot)
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
    answer(finished, qtbot)
    assert seen == ["Loading fine-tuned model and generating response…", "Ready"]
    assert finished.services.inference.calls[0] == ("load", TunedModel(MODEL, ADAPTER, "/tmp/data"))


@pytest.mark.spec('"Generating response from fine‑tuned model..." (subsequent calls).')
def test_later_answers_say_that_they_are_generated(finished: Program, qtbot: QtBot) -> None:
    answer(finished, qtbot)
    seen: list[str] = []
    model = finished.models.run.inference
    model.state_changed.connect(lambda: seen.append(finished.child("infer.status").text()))
    answer(finished, qtbot)
    assert seen == ["Generating response from fine-tuned model…", "Ready"]


def test_another_page_that_took_the_engine_makes_the_next_answer_a_first_one(
    finished: Program, qtbot: QtBot
) -> None:
    answer(finished, qtbot)
    finished.services.inference.loaded = TunedModel("other", "/other", "/tmp/data")
    ask(finished, qtbot)
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
    answer(finished, qtbot)
    prompt, use, settings, context = finished.services.inference.calls[1][1]
    assert (prompt, use, context) == ("Why?", "adapter", ())
    assert settings == INFERENCE_PRESETS[preset]
    assert settings.repetition_penalty > 1


def test_base_beside_tuned(finished: Program, qtbot: QtBot) -> None:
    seen: list[str] = []
    model = finished.models.run.inference
    model.state_changed.connect(lambda: seen.append(model.status))
    finished.child("infer.compare").setChecked(True)
    answer(finished, qtbot)
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
    answer(finished, qtbot)
    answers = finished.models.run.inference.exchanges[0].answers
    assert set(answers) == {"adapter"}
    assert answers["adapter"].finish == "cancelled"
    assert finished.models.run.inference.state is InferenceState.IDLE


def test_cancel_while_loading_makes_no_answer(finished: Program, qtbot: QtBot) -> None:
    ask(finished, qtbot)
    click(finished, qtbot, "infer.cancel")
    finished.settle()
    assert engine_calls(finished) == []
    assert finished.models.run.inference.exchanges[0].is_over
    assert finished.child("infer.status").text() == "Ready"


def test_another_run_that_is_shown_meanwhile_gets_no_foreign_text(
    finished: Program, qtbot: QtBot
) -> None:
    ask(finished, qtbot)
    finished.services.inference.on_generate = lambda: None
    other = make_run("run-2", RunState.FINISHED)
    finished.models.run.fill(RunUpdate(other))
    assert finished.models.run.inference.state is InferenceState.IDLE
    finished.wiring.training.finished.emit(other)
    finished.settle()
    assert finished.models.run.inference.exchanges == ()
    assert "generate" not in engine_calls(finished)
    answer(finished, qtbot, "For the other?")
    assert [one.request.prompt for one in finished.models.run.inference.exchanges] == [
        "For the other?"
    ]


@pytest.mark.spec("Output")
@pytest.mark.spec("Scrollable list of prompt/response pairs.")
def test_prompts_and_responses_are_listed_and_scroll(finished: Program, qtbot: QtBot) -> None:
    finished.services.inference.answer = "A long answer. " * 40
    for number in range(4):
        answer(finished, qtbot, f"Question {number}")
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
    answer(finished, qtbot)
    assert placeholder.isHidden()
    click(finished, qtbot, "infer.clear")
    assert finished.models.run.inference.exchanges == ()
    assert not placeholder.isHidden()
    assert not finished.child("infer.export").isEnabled()


@pytest.mark.spec("Export chats button – Save your prompt/response history to a text file.")
def test_the_chats_are_written_where_the_user_says(
    finished: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    answer(finished, qtbot)
    click(finished, qtbot, "infer.export")
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
    answer(finished, qtbot)
    notices: list[str] = []
    finished.desk.notices.noticed.connect(lambda notice: notices.append(notice.text))
    finished.wiring.inference.training.export(tmp_path)
    finished.settle()
    assert notices[0].endswith("Choose another place.")


def test_an_answer_can_be_copied_as_it_is(finished: Program, qtbot: QtBot) -> None:
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QToolButton

    finished.services.inference.answer = "<b>1\u00a0+\u00a01</b>"
    answer(finished, qtbot)
    assert _shown_answers(finished) == ["<b>1\u00a0+\u00a01</b>"], "never as markup"
    (copy,) = finished.child("infer.history").findChildren(QToolButton)
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "<b>1\u00a0+\u00a01</b>"
