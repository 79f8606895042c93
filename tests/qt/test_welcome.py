"""The first start: three ways to begin, and the demo from its click to an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton, QWidget

from models.domain.availability import Circumstances
from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from tests.qt.fakes import make_run, make_session
from views.dialogs.guide_window import GuideWindow
from views.dialogs.welcome_dialog import WelcomeDialog

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


def _press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def _start(program: Program) -> None:
    program.aio(program.wiring.fill())
    program.settle()


def _welcomed(program: Program) -> None:
    program.services.welcome.due = True
    _start(program)


def _is_welcoming(program: Program) -> bool:
    return any(one.isVisible() for one in program.window.findChildren(WelcomeDialog))


def _finishes(program: Program) -> None:
    done = {"step": 60, "total_steps": 60, "eval_loss_before": 2.5, "eval_loss_after": 1.25}
    finished = make_run("run-1", RunState.FINISHED, name="Demo", **done)
    program.services.runs.script = [
        RunUpdate(make_run("run-1", RunState.RUNNING, name="Demo")),
        RunUpdate(finished),
    ]


def test_a_newcomer_is_welcomed_and_others_are_not(program: Program) -> None:
    _start(program)
    assert not _is_welcoming(program)
    _welcomed(program)
    assert _is_welcoming(program)
    assert program.services.welcome.dismissed == 0


def test_a_database_that_cannot_be_read_does_not_keep_the_program_from_starting(
    program: Program,
) -> None:
    program.services.welcome.error = AppError("io", "The disk does not answer.")
    _start(program)
    assert not _is_welcoming(program)


@pytest.mark.parametrize("name", ["welcome.later", "welcome.guide", "welcome.import"])
def test_however_it_is_closed_it_does_not_come_back(
    program: Program, qtbot: QtBot, name: str
) -> None:
    _welcomed(program)
    _press(qtbot, program, name)
    program.settle()
    assert not _is_welcoming(program)
    assert program.services.welcome.dismissed == 1
    for chooser in program.window.findChildren(QFileDialog):
        chooser.reject()


def test_escape_closes_it_for_good(program: Program, qtbot: QtBot) -> None:
    _welcomed(program)
    qtbot.keyClick(program.child("welcome"), Qt.Key.Key_Escape)
    program.settle()
    assert program.services.welcome.dismissed == 1


def test_it_can_be_had_again(program: Program) -> None:
    _start(program)
    program.window.actions_.welcome.trigger()
    assert _is_welcoming(program)


def test_import_data_asks_for_a_file(program: Program, qtbot: QtBot) -> None:
    _welcomed(program)
    _press(qtbot, program, "welcome.import")
    chooser = program.child("import.dialog")
    assert chooser.isVisible()
    chooser.reject()


def test_open_the_guide_opens_its_quick_start(program: Program, qtbot: QtBot) -> None:
    _welcomed(program)
    _press(qtbot, program, "welcome.guide")
    reader = program.window.findChild(GuideWindow)
    assert reader is not None
    assert reader.isVisible()
    assert reader.history.place is not None
    assert reader.history.place.page == "quick-start"


def test_the_demo_goes_from_one_click_to_a_finished_run_and_an_answer(
    program: Program, qtbot: QtBot
) -> None:
    program.services.runtime.ready = False
    _finishes(program)
    _welcomed(program)
    _press(qtbot, program, "welcome.demo")
    program.settle()
    assert program.services.runtime.created == 1
    assert program.services.demo.prepared == 1
    assert program.models.form.name == "Demo"
    assert program.models.form.value("hp.base_model") == "/data/models/tiny"
    assert not program.models.form.is_unsaved
    assert program.services.runs.calls[0] == ("start", "refuse")
    assert program.child("run.status").text() == "Training finished"
    assert program.child("environment").isHidden()
    assert program.child("notice.title").text() == "The demo has finished"
    assert program.child("notice.text").text().startswith("Held-out loss 2.5 → 1.25.")
    program.window.activateWindow()
    qtbot.waitUntil(program.window.isActiveWindow)
    _press(qtbot, program, "notice.action")
    assert program.child("infer.prompt").hasFocus()
    qtbot.keyClicks(program.child("infer.prompt"), "What is a generator?")
    _press(qtbot, program, "infer.run")
    program.settle()
    assert program.models.run.inference.exchanges[0].answers


def test_the_demo_by_keyboard_alone_begins_with_return(program: Program, qtbot: QtBot) -> None:
    _finishes(program)
    _welcomed(program)
    dialog = program.child("welcome")
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    assert QApplication.focusWidget().objectName() == "welcome.demo"
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    program.settle()
    assert program.child("run.status").text() == "Training finished"


def test_tab_walks_the_three_choices(program: Program, qtbot: QtBot) -> None:
    _welcomed(program)
    dialog = program.child("welcome")
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    seen = []
    for _ in range(4):
        seen.append(QApplication.focusWidget().objectName())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert seen == ["welcome.demo", "welcome.import", "welcome.guide", "welcome.later"]


def test_the_choices_explain_themselves_to_screen_readers(program: Program) -> None:
    _welcomed(program)
    for name in ("welcome.demo", "welcome.import", "welcome.guide"):
        assert program.child(name).accessibleName()
        assert program.child(name).accessibleDescription()


def test_offline_the_welcome_says_what_the_demo_needs(program: Program) -> None:
    program.models.form.set_circumstances(Circumstances(offline=True))
    program.window.actions_.welcome.trigger()
    assert "Offline mode is on" in program.child("welcome.demo").accessibleDescription()


def test_a_low_screen_gets_the_choices_without_their_sentences(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    tall = WelcomeDialog(parent=program.window)
    tall.open()
    height = tall.height()
    tall.close()
    real = QWidget.screen

    class Low:
        def availableSize(self) -> object:  # noqa: N802
            return real(program.window).availableSize().boundedTo(tall.size() / 1.3)

    monkeypatch.setattr(WelcomeDialog, "screen", lambda _self: Low())
    low = WelcomeDialog(parent=program.window)
    low.open()
    assert low.height() < height
    assert low.demo.toolTip()
    low.close()


def _try_demo(program: Program) -> None:
    program.wiring.help.demo.try_it()
    program.settle()


@pytest.mark.parametrize("step", ["environment", "demo"])
def test_what_the_demo_lacks_is_a_sentence_with_another_try(
    program: Program, qtbot: QtBot, step: str
) -> None:
    _start(program)
    _finishes(program)
    error = AppError("offline", "Offline mode is on.", "Turn it off and try again.")
    part = program.services.runtime if step == "environment" else program.services.demo
    program.services.runtime.ready = step != "environment"
    part.error = error
    _try_demo(program)
    assert program.child("notice.text").text() == "Offline mode is on. Turn it off and try again."
    assert program.services.runs.calls == []
    assert program.child("environment").isHidden()
    part.error = None
    _press(qtbot, program, "notice.action")
    program.settle()
    assert program.child("run.status").text() == "Training finished"


def test_the_environments_own_button_is_not_the_demos(program: Program) -> None:
    """Setting up for the demo must not start what stood in the form before."""
    _start(program)
    _finishes(program)
    program.services.runtime.ready = False
    _try_demo(program)
    starts = [call for call in program.services.runs.calls if call[0] == "start"]
    assert len(starts) == 1


def test_cancelling_the_environment_ends_the_demo(program: Program, qtbot: QtBot) -> None:
    _start(program)
    program.services.runtime.ready = False
    shown: list[bool] = []

    def cancel(_words: str) -> None:
        shown.append(program.child("environment").isVisible())
        _press(qtbot, program, "environment.cancel")

    program.wiring.environment.began.connect(cancel)
    _try_demo(program)
    assert shown == [True]
    assert program.services.demo.prepared == 0
    assert program.services.runs.calls == []
    assert program.child("environment").isHidden()


def test_cancelling_while_the_model_is_made_ends_the_demo(program: Program, qtbot: QtBot) -> None:
    _start(program)
    shown: list[bool] = []

    def cancel() -> None:
        shown.append(program.child("environment").isVisible())
        _press(qtbot, program, "environment.cancel")

    program.services.demo.on_prepare = cancel
    _try_demo(program)
    assert shown == [True]
    assert program.services.demo.prepared == 0
    assert program.child("environment").isHidden()
    program.services.demo.on_prepare = None
    _finishes(program)
    _try_demo(program)
    assert program.services.demo.prepared == 1


def test_the_sample_stands_in_the_form(program: Program) -> None:
    _start(program)
    _finishes(program)
    library = program.services.datasets
    program.services.demo.on_prepare = lambda: library.sessions.append(make_session(1, "Sample"))
    _try_demo(program)
    assert program.child("dataset.session").currentText() == "Sample"


def test_one_demo_at_a_time(program: Program) -> None:
    _start(program)
    _finishes(program)
    program.services.demo.on_prepare = program.wiring.help.demo.try_it
    _try_demo(program)
    assert program.services.demo.prepared == 1


def test_while_a_training_runs_there_is_no_demo(program: Program) -> None:
    _start(program)
    program.models.run.begin(make_run(state=RunState.RUNNING))
    _try_demo(program)
    assert program.services.demo.prepared == 0
    assert "A training is running" in program.window.statusBar().currentMessage()


def _edit(program: Program) -> None:
    program.services.datasets.sessions = [make_session()]
    _start(program)
    program.models.form.edit("hp.epochs", 3.0)


@pytest.mark.parametrize(("answer", "epochs"), [("question.yes", 1.0), ("", 3.0)])
def test_a_setup_of_the_users_own_is_asked_about(
    program: Program, qtbot: QtBot, answer: str, epochs: float
) -> None:
    _edit(program)
    _finishes(program)
    _try_demo(program)
    assert program.services.runs.calls == []
    question = program.child("question")
    if answer:
        discard = question.findChild(QPushButton, answer)
        qtbot.mouseClick(discard, Qt.MouseButton.LeftButton)
    else:
        question.reject()
    program.settle()
    assert program.models.form.value("hp.epochs") == epochs
    assert bool(program.services.runs.calls) is bool(answer)


def test_a_demo_that_was_stopped_is_not_called_finished(program: Program) -> None:
    _start(program)
    stopped = make_run("run-1", RunState.CANCELLED, name="Demo")
    program.services.runs.script = [RunUpdate(stopped)]
    _try_demo(program)
    assert program.window.training.banner.notice is None


def test_another_run_is_not_taken_for_the_demo(program: Program) -> None:
    _start(program)
    _finishes(program)
    _try_demo(program)
    program.window.training.banner.dismiss()
    other = make_run("run-2", RunState.FINISHED, name="Mine")
    program.wiring.training.started.emit(replace(other, state=RunState.RUNNING))
    program.models.run.fill(RunUpdate(other))
    program.wiring.training.finished.emit(other)
    assert program.window.training.banner.notice is None
