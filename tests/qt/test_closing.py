"""Closing the window while a training runs: nothing is lost, one question at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run import Run, RunState, RunUpdate
from tests.qt.fakes import make_run, make_session

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


@pytest.fixture
def live(program: Program) -> Run:
    """A run at step 41 of 200, followed as after a start."""
    run = make_run(
        "run-1", RunState.RUNNING, name="evening", phase="training", step=41, total_steps=200
    )
    program.services.datasets.sessions = [make_session()]
    runs = program.services.runs
    runs.live, runs.stored, runs.script = [run], {run.id: run}, [RunUpdate(run)]
    program.wiring.follower._seconds = 3600.0  # the tests tell what polls would bring
    program.aio(program.wiring.fill())
    return run


@pytest.fixture
def closed(program: Program) -> list[bool]:
    seen: list[bool] = []
    program.window.closed.connect(lambda: seen.append(True))
    return seen


def questions(program: Program) -> list[QWidget]:
    """Every dialog that stands before the window."""
    found = [*program.window.findChildren(QWidget, "question")]
    found += program.window.findChildren(QWidget, "stopping")
    found += program.window.findChildren(QWidget, "config.name_dialog")
    return [dialog for dialog in found if dialog.isVisible()]


def words(program: Program) -> str:
    (dialog,) = questions(program)
    return " ".join(one.text() for one in dialog.findChildren(QWidget) if hasattr(one, "text"))


def press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def calls(program: Program, *names: str) -> list[str]:
    return [name for name, _ in program.services.runs.calls if name in names]


def tell(program: Program, run: Run, **changes: Any) -> None:
    """What a poll would bring."""
    program.wiring.follower.updated.emit(RunUpdate(replace(run, **changes)))


def end(program: Program, run: Run) -> None:
    """The run has stopped."""
    tell(program, run, state=RunState.CANCELLED)


def test_without_a_run_nothing_is_asked(program: Program, closed: list[bool]) -> None:
    assert program.window.close()
    assert closed


@pytest.mark.usefixtures("live")
def test_a_live_run_is_asked_about_and_goes_on(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    assert not program.window.close()
    said = words(program)
    assert "A training is running" in said
    assert "“evening” is at step 41 of 200" in said
    assert "goes on without the window, and Temper finds it again at the next start" in said
    program.window.close()  # asked twice, shown once
    assert len(questions(program)) == 1
    press(qtbot, program, "question.keep")
    assert closed
    assert calls(program, "stop", "kill") == []


@pytest.mark.usefixtures("live")
def test_it_can_be_cancelled_and_asked_again(program: Program, closed: list[bool]) -> None:
    program.window.close()
    program.child("question").reject()
    assert program.window.isVisible()
    assert not closed
    assert questions(program) == []
    program.window.close()
    assert len(questions(program)) == 1


def test_stop_and_save_waits_for_the_checkpoint(
    program: Program, qtbot: QtBot, live: Run, closed: list[bool]
) -> None:
    program.window.close()
    press(qtbot, program, "question.stop")
    assert len(questions(program)) == 1
    assert "Stopping “evening” before closing" in words(program)
    text = program.child("stopping.text")
    program.aio.until(lambda: text.text() == "Finishing the step…")
    tell(program, live, state=RunState.STOPPING, phase="saving")
    assert text.text() == "Saving a checkpoint…"
    assert not closed
    end(program, live)
    assert closed
    assert calls(program, "stop", "kill") == ["stop"]


def test_waiting_can_be_given_up_and_the_run_stops_all_the_same(
    program: Program, qtbot: QtBot, live: Run, closed: list[bool]
) -> None:
    program.window.close()
    press(qtbot, program, "question.stop")
    program.aio.until(lambda: program.models.run.status.is_stopping)
    press(qtbot, program, "stopping.stay")
    end(program, live)
    assert program.child("run.status").text() == "Stopped"
    assert program.window.isVisible()
    assert not closed
    assert program.window.close()  # now there is nothing to ask


def test_waiting_can_be_cut_short(
    program: Program, qtbot: QtBot, live: Run, closed: list[bool]
) -> None:
    program.window.close()
    press(qtbot, program, "question.stop")
    program.aio.until(lambda: program.models.run.status.is_stopping)
    press(qtbot, program, "stopping.end_now")
    program.aio.until(lambda: calls(program, "kill") == ["kill"])
    assert program.child("stopping.text").text() == "Ending it now…"
    assert not program.child("stopping.end_now").isEnabled()
    end(program, live)
    assert closed


def test_what_cannot_be_stopped_keeps_the_window(
    program: Program, qtbot: QtBot, live: Run, closed: list[bool]
) -> None:
    def stop(run_id: str) -> Run:
        raise AppError("docker_stopped", "Docker does not answer.", "Start it.")

    program.services.runs.stop = stop  # type: ignore[method-assign]
    program.window.close()
    press(qtbot, program, "question.stop")
    program.aio.until(lambda: not questions(program))
    assert program.child("notice.title").text() == "The run could not be stopped"
    end(program, live)
    assert not closed


@pytest.mark.parametrize(
    ("key", "asked"), [(Qt.Key.Key_Return, []), (Qt.Key.Key_Escape, None), ("tab", ["stop"])]
)
def test_the_question_is_answered_by_keyboard(
    program: Program, qtbot: QtBot, live: Run, closed: list[bool], key: Any, asked: Any
) -> None:
    """Return keeps training, Escape keeps the window, Tab and Return stop."""
    program.window.close()
    (dialog,) = questions(program)
    qtbot.waitUntil(lambda: _focused() == "question.keep")
    if key == "tab":
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert _focused() == "question.stop"
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
        program.aio.until(lambda: program.models.run.status.is_stopping)
        end(program, live)
    else:
        qtbot.keyClick(dialog, key)
    assert bool(closed) is (asked is not None)
    assert calls(program, "stop") == (asked or [])


def _focused() -> str:
    widget = QApplication.focusWidget()
    return "" if widget is None else widget.objectName()


@pytest.mark.usefixtures("live")
def test_unsaved_changes_are_asked_about_first_and_alone(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    program.models.form.edit("hp.epochs", 3.0)
    program.window.close()
    assert "The setup is not saved." in words(program)
    press(qtbot, program, "question.discard")
    program.aio.until(lambda: "A training is running" in words(program))
    program.window.close()
    assert len(questions(program)) == 1
    questions(program)[0].reject()  # type: ignore[attr-defined]
    assert program.models.form.value("hp.epochs") == 3.0  # nothing was discarded
    program.window.close()
    assert "The setup is not saved." in words(program)
    press(qtbot, program, "question.discard")
    press(qtbot, program, "question.keep")
    assert closed


@pytest.mark.usefixtures("live")
def test_saving_comes_before_the_question_about_the_run(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    program.models.form.edit("hp.epochs", 3.0)
    program.window.close()
    press(qtbot, program, "question.save")
    program.aio.until(
        lambda: "config.name_dialog" in {one.objectName() for one in questions(program)}
    )
    program.window.close()  # no second dialog above the one for the name
    assert len(questions(program)) == 1
    program.child("config.name_dialog.name").setText("Mine")
    qtbot.keyClick(program.child("config.name_dialog.name"), Qt.Key.Key_Return)
    program.aio.until(lambda: "A training is running" in " ".join(_texts(program)))
    assert program.services.configs.saved["Mine"].hp.epochs == 3.0
    press(qtbot, program, "question.keep")
    assert closed


def _texts(program: Program) -> list[str]:
    return [words(program)] if len(questions(program)) == 1 else []


@pytest.mark.parametrize(("choice", "stops"), [("keep", []), ("stop", ["stop"])])
def test_the_setting_answers_instead(
    program: Program, live: Run, closed: list[bool], choice: str, stops: list[str]
) -> None:
    program.wiring.settings.controller.set_value("on_close", choice)
    program.aio.until(lambda: program.models.settings.values.on_close == choice)
    program.window.close()
    if stops:
        program.aio.until(lambda: program.models.run.status.is_stopping)
        end(program, live)
    assert closed
    assert calls(program, "stop") == stops


def test_the_setting_is_on_the_settings_page(program: Program) -> None:
    box = program.child("settings.on_close")
    assert [box.itemText(row) for row in range(box.count())] == [
        "Ask me", "Keep training", "Stop and save",
    ]  # fmt: skip
    program.aio(program.wiring.settings.read())
    assert program.child("settings.notifications").isChecked()


def test_several_runs_are_told_together(program: Program, live: Run, qtbot: QtBot) -> None:
    program.models.runs.put(make_run("run-2", RunState.RUNNING, name="other"))
    program.window.close()
    said = words(program)
    assert "2 trainings are running" in said
    assert "“evening”" in said
    assert "“other”" in said
    assert "They go on without the window, and Temper finds them again" in said
    press(qtbot, program, "question.cancel")
    assert live.id


@pytest.mark.usefixtures("live")
def test_the_queue_is_told_to_wait(program: Program) -> None:
    program.models.runs.put(make_run("next", RunState.QUEUED, queued_at=1.0))
    program.window.close()
    assert words(program).count("1 run waits in the queue until Temper is open.") == 1


def test_a_run_that_is_just_being_started_is_waited_for(
    program: Program, live: Run, closed: list[bool]
) -> None:
    end(program, live)
    program.models.run.status.set_starting(True)
    program.window.close()
    assert questions(program) == []
    assert not closed
    program.models.run.begin(make_run("run-3", RunState.PREPARING, name="new"))
    program.models.run.status.set_starting(False)
    assert "“new” is running" in words(program)


def test_a_run_elsewhere_is_no_reason_to_stay(program: Program, closed: list[bool]) -> None:
    config = with_values(program.models.form.config, {"training.target": "Runpod - Pod"})
    program.models.run.begin(make_run("pod", RunState.RUNNING, config=config))
    program.window.close()
    assert closed
