"""What is told of runs where the user may look: tray, notifications, title, notice at the start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from models.domain.run import Failure, Run, RunState, RunUpdate
from models.qt.run_endings import ending_text, meanwhile
from tests.qt.fakes import NOW, make_run, progress_event
from views.main_window import DATASETS, RUNS, TRAINING
from views.tray import Tray

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

FAILURE = Failure("cuda_oom", "The GPU ran out of memory.")


class FakeTray(QObject):
    """Notes what it is to show."""

    open_requested = Signal()
    stop_requested = Signal()
    quit_requested = Signal()
    message_clicked = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.words = ""
        self.can_stop = False
        self.told: list[tuple[str, str, bool]] = []

    def show_state(self, words: str, *, can_stop: bool) -> None:
        self.words, self.can_stop = words, can_stop

    def notify(self, title: str, text: str, *, is_bad: bool) -> None:
        self.told.append((title, text, is_bad))

    def hide(self) -> None:
        self.words = ""


@pytest.fixture
def tray(program: Program, monkeypatch: pytest.MonkeyPatch) -> FakeTray:
    monkeypatch.setattr(program.window, "raise_", lambda: None)  # offscreen it cannot, and warns
    made = FakeTray(program.window)
    program.wiring.tray.use(made)
    program.aio(program.wiring.settings.read())
    return made


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user looks at another program."""
    monkeypatch.setattr(QApplication, "activeWindow", lambda: None)


@pytest.fixture
def looking(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user looks at the window."""
    monkeypatch.setattr(QApplication, "activeWindow", lambda: program.window)


def running(program: Program, step: int = 86, **changes: Any) -> Run:
    run = make_run(
        "run-1", RunState.RUNNING, name="evening", phase="training", step=step, total_steps=200
    )
    run = replace(run, **changes)
    program.models.run.fill(RunUpdate(run, (progress_event(step, 200, eta_seconds=720.0),)))
    program.services.runs.stored[run.id] = run
    return run


def tell(program: Program, run: Run, **changes: Any) -> None:
    """What a poll would bring."""
    program.wiring.follower.updated.emit(RunUpdate(replace(run, **changes)))


def test_the_tray_shows_state_percent_and_time(program: Program, tray: FakeTray) -> None:
    run = running(program)
    assert tray.words == "Temper – evening: Training, 43 %, about 12 min 00 s left"
    assert tray.can_stop
    tell(program, run, state=RunState.STOPPING)
    assert tray.words == "Temper – evening: Stopping; a checkpoint is being saved"
    assert not tray.can_stop


@pytest.mark.usefixtures("looking")
def test_the_tray_goes_with_the_run(program: Program, tray: FakeTray) -> None:
    run = running(program)
    tell(program, run, state=RunState.FINISHED)
    assert tray.words == ""
    assert tray.told == []  # it is seen in the window


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("changes", "title", "text", "is_bad"),
    [
        (
            {"state": RunState.FINISHED, "eval_loss_before": 2.5, "eval_loss_after": 1.25,
             "ended_at": NOW + 61},
            "“evening” finished", "Held-out loss 2.5 → 1.25, took 1 min 01 s.", False,
        ),
        ({"state": RunState.FINISHED}, "“evening” finished", "Its adapter is saved.", False),
        (
            {"state": RunState.FINISHED, "hub_url": "https://huggingface.co/me/x"},
            "“evening” finished", "Uploaded to me/x.", False,
        ),
        (
            {"state": RunState.FAILED, "failure": FAILURE},
            "“evening” failed", "The GPU ran out of memory after step 86.", True,
        ),
        (
            {"state": RunState.CANCELLED},
            "“evening” was stopped", "It stopped after step 86 and can be resumed.", False,
        ),
        (
            {"state": RunState.LOST},
            "“evening” was lost",
            "The run's process and its files are gone, so nobody knows how it ended.", True,
        ),
    ],
)  # fmt: skip
def test_the_end_is_told_to_whoever_looks_elsewhere(
    program: Program, tray: FakeTray, changes: dict[str, Any], title: str, text: str, is_bad: bool
) -> None:
    tell(program, running(program), **changes)
    assert tray.told == [(title, text, is_bad)]
    assert tray.words == title  # until somebody looks at the window
    QApplication.sendEvent(program.window, QEvent(QEvent.Type.WindowActivate))
    assert tray.words == ""


@pytest.mark.usefixtures("elsewhere")
def test_notifications_can_be_switched_off(program: Program, tray: FakeTray) -> None:
    program.wiring.settings.controller.set_value("notifications", False)
    program.settle()
    tell(program, running(program), state=RunState.FINISHED)
    assert tray.told == []
    assert tray.words == ""


@pytest.mark.usefixtures("elsewhere")
def test_a_click_on_the_message_shows_that_run(program: Program, tray: FakeTray) -> None:
    run = running(program)
    tell(program, run, state=RunState.FINISHED)
    program.window.show_page(DATASETS)
    program.window.showMinimized()
    tray.message_clicked.emit()
    assert program.window.page == TRAINING
    assert not program.window.isMinimized()
    other = make_run("other", RunState.FINISHED)
    program.services.runs.stored["other"] = other
    tell(program, other)
    tray.message_clicked.emit()
    program.settle()
    assert program.window.page == RUNS
    assert program.models.shown_run.run_id == "other"
    assert [one.id for one in program.window.runs.selected_runs()] == ["other"]


def test_the_menu_opens_stops_and_quits(program: Program, tray: FakeTray, qtbot: QtBot) -> None:
    run = running(program)
    program.window.showMinimized()
    tray.open_requested.emit()
    assert not program.window.isMinimized()
    tray.stop_requested.emit()
    assert [call for call in program.services.runs.calls if call[0] == "stop"] == []
    qtbot.mouseClick(program.child("question.stop"), Qt.MouseButton.LeftButton)
    program.settle()
    assert ("stop", run.id) in program.services.runs.calls
    tray.quit_requested.emit()  # the training is asked about, as always
    assert program.child("question.keep").isVisible()
    tray.stop_requested.emit()  # and nothing above that question
    shown = [one for one in program.window.findChildren(QWidget, "question") if one.isVisible()]
    assert len(shown) == 1


def test_closing_takes_the_tray_away(program: Program, tray: FakeTray) -> None:
    running(program)
    program.window.may_close = None
    program.window.close()
    assert tray.words == ""


def test_without_a_tray_nothing_happens(program: Program) -> None:
    """As here: the offscreen platform has none."""
    assert not QSystemTrayIcon.isSystemTrayAvailable()
    tray = Tray(program.window)
    tray.show_state("Training", can_stop=True)
    tray.notify("a", "b", is_bad=False)
    tray.hide()
    assert tray.findChildren(QSystemTrayIcon) == []


@pytest.mark.qt_log_ignore("systemTrayWindowChanged", "propagateSizeHints")
def test_the_real_tray_is_made_where_there_is_one(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    tray = Tray(program.window)
    asked: list[str] = []
    tray.stop_requested.connect(lambda: asked.append("stop"))
    tray.show_state("Temper – evening: Training, 43 %", can_stop=False)
    (icon,) = tray.findChildren(QSystemTrayIcon)
    assert icon.toolTip() == "Temper – evening: Training, 43 %"
    assert not icon.icon().isNull()
    actions = icon.contextMenu().actions()
    texts = [action.text().replace("&", "") for action in actions if action.text()]
    assert texts == ["Open Temper", "Stop training…", "Quit"]
    assert not actions[1].isEnabled()
    tray.show_state("x", can_stop=True)
    actions[1].trigger()
    assert asked == ["stop"]
    tray.hide()
    assert not icon.isVisible()


def test_the_title_begins_with_the_percentage_while_steps_are_made(
    program: Program, tray: FakeTray
) -> None:
    program.models.form.load(program.models.form.config, "Mine")
    run = running(program)
    assert program.window.windowTitle() == "43 % · Mine[*] — Temper"
    tell(program, run, step=90)
    assert program.window.windowTitle() == "45 % · Mine[*] — Temper"
    tell(program, run, state=RunState.STOPPING)
    assert program.window.windowTitle() == "Mine[*] — Temper"
    running(program, phase="downloading")
    assert program.window.windowTitle() == "Mine[*] — Temper"
    assert "Downloading the base model" in tray.words


# What is told at the start


def found_again(program: Program, *runs: Run) -> list[str]:
    """Start with these runs, which were believed live."""
    said: list[str] = []
    program.desk.notices.said.connect(said.append)
    services = program.services.runs
    services.live = list(runs)
    services.stored = {run.id: run for run in runs}
    services.script = [RunUpdate(replace(runs[0], state=RunState.FINISHED))]
    program.aio(program.wiring.training.reattach())
    return said


def notice(program: Program) -> tuple[str, str]:
    return program.child("notice.title").text(), program.child("notice.text").text()


def test_a_run_that_ended_meanwhile_is_told_in_one_line(program: Program, tray: FakeTray) -> None:
    found_again(program, make_run("a", RunState.FINISHED, name="evening", eval_loss_before=2.0,
                                  eval_loss_after=1.0))  # fmt: skip
    assert notice(program) == (
        "“evening” finished while Temper was closed",
        "Held-out loss 2 → 1, took 1 min 01 s.",
    )
    assert tray.told == []


def test_a_lost_run_says_why(program: Program) -> None:
    gone = Failure("container_gone", "The container temper-a was removed.")
    run = make_run("a", RunState.LOST, name="evening", failure=gone, step=4)
    found_again(program, run)
    assert notice(program) == (
        "“evening” was lost while Temper was closed",
        "The container temper-a was removed.",
    )
    assert program.child("run.autopsy").isVisible()


def test_several_are_summed_up_with_the_way_to_all_of_them(program: Program, qtbot: QtBot) -> None:
    said = found_again(
        program,
        make_run("c", RunState.RUNNING, name="night"),
        make_run("b", RunState.FAILED, name="noon", failure=FAILURE),
        make_run("a", RunState.CANCELLED, name="morning", step=7),
    )
    title, text = notice(program)
    assert title == "2 trainings ended while Temper was closed"
    assert text.splitlines() == [
        "“noon” failed: the GPU ran out of memory.",
        "“morning” was stopped: it stopped after step 7 and can be resumed.",
        "“night” goes on and is shown here.",
    ]
    assert said == ["Re-attached to run night"]
    assert program.models.run.run_id == "c"
    qtbot.mouseClick(program.child("notice.action"), Qt.MouseButton.LeftButton)
    assert program.window.page == RUNS


def test_of_several_live_runs_the_newest_is_shown(program: Program) -> None:
    found_again(
        program, make_run("b", RunState.RUNNING, name="new"), make_run("a", RunState.RUNNING)
    )
    assert program.models.run.run_id == "b"
    assert notice(program)[0] == "2 trainings are running"
    assert "“new”, is shown here" in notice(program)[1]


def test_many_are_not_all_listed() -> None:
    made = meanwhile([make_run(str(n), RunState.FINISHED) for n in range(9)])
    assert made is not None
    assert len(made.text.splitlines()) == 6
    assert made.text.endswith("4 more are on the Runs page.")
    assert meanwhile([make_run("a", RunState.RUNNING)]) is None
    assert meanwhile([]) is None
    assert ending_text(make_run("a", RunState.CANCELLED)) == "It stopped and can be resumed."
