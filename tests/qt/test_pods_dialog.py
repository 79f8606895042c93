"""Manage pods: what is rented, what it costs, and its end; empty, offline and without a key."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication, QHelpEvent
from PySide6.QtWidgets import QToolTip

from models.domain.config import RUNTIME_RUNPOD
from models.domain.errors import AppError
from models.domain.pod_rows import PodRow
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

POD = PodRow(
    "pod-1", "temper-1-2-1", "training", gpu="NVIDIA GeForce RTX 4090", gpu_count=2,
    per_hour=0.75, cost=0.58, most_cost=4.47, run_id="run-1", number=1,
)  # fmt: skip
"""Its times are set where it is shown: between that and now other tests may take their time."""
RUN = make_run("run-1", name="evening", runtime=RUNTIME_RUNPOD)


def open_dialog(program: Program, *rows: PodRow) -> None:
    now = time.time()
    program.services.remote.pods.there = tuple(
        replace(row, created_at=now - 7800, ends_at=now + 7200) for row in rows
    )
    program.models.runs.set_items([RUN])
    program.window.actions_.pods.trigger()
    program.settle()


def press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)
    program.settle()


def row_of(program: Program, row: int = 0) -> list[str]:
    model = program.models.pods
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def test_a_pod_is_shown_with_run_age_gpu_and_cost(program: Program) -> None:
    open_dialog(program, POD)
    shown = row_of(program)
    assert shown[:3] == ["evening", "training", "2 × RTX 4090"]
    assert re.fullmatch(r"2 h 1\d min", shown[3])  # it is looked at now
    assert shown[4] == "$0.58 of $4.47"
    assert program.child("pods.note").text().startswith("As of ")


def test_nothing_rented_is_said(program: Program) -> None:
    open_dialog(program)
    assert program.child("pods.empty").text() == "No pod of this installation is rented."
    assert program.child("pods.empty").isVisible()
    assert not program.child("pods.end").isEnabled()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AppError("offline", "Offline mode is on."), "One can be ended all the same."),
        (AppError("not_set", "There is no Runpod API key.", "Set it."), "There is no Runpod API"),
    ],
)
def test_where_runpod_cannot_be_asked_what_is_known_here_is_shown(
    program: Program, qtbot: QtBot, error: AppError, words: str
) -> None:
    program.services.remote.pods.refuses = error
    open_dialog(program, POD)
    assert words in program.child("pods.note").text()
    assert row_of(program)[0] == "evening"
    press(qtbot, program, "pods.end")
    press(qtbot, program, "question.end")
    assert program.services.remote.pods.calls == ["pod-1"]
    assert program.models.pods.rowCount() == 0


def test_a_pod_is_ended_once_that_was_confirmed(program: Program, qtbot: QtBot) -> None:
    open_dialog(program, POD)
    press(qtbot, program, "pods.end")
    assert program.services.remote.pods.calls == []
    press(qtbot, program, "question.cancel")
    assert program.services.remote.pods.calls == []
    press(qtbot, program, "pods.end")
    press(qtbot, program, "question.end")
    assert program.services.remote.pods.calls == ["pod-1"]
    assert program.models.pods.items == ()


def test_a_pod_is_ended_while_runpod_is_still_asked_for_something_else(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quote that Runpod lets wait, with all its tries, takes minutes; the pod costs meanwhile."""

    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    open_dialog(program, POD)
    monkeypatch.setattr(program.desk.lanes.remote, "run", wait)
    press(qtbot, program, "pods.end")
    qtbot.mouseClick(program.child("question.end"), Qt.MouseButton.LeftButton)
    program.aio.until(lambda: program.services.remote.pods.calls == ["pod-1"])


def test_a_pod_that_is_not_gone_stays_in_the_list(program: Program, qtbot: QtBot) -> None:
    program.services.remote.pods.stubborn = {"pod-1"}
    open_dialog(program, POD)
    press(qtbot, program, "pods.end")
    press(qtbot, program, "question.end")
    assert [row.id for row in program.models.pods.items] == [POD.id]
    assert program.child("pods.end").isEnabled()
    notice = program.window.training.banner.notice
    assert notice is not None
    assert "not gone yet" in notice.title


def test_ssh_is_offered_only_where_it_would_work(program: Program, qtbot: QtBot) -> None:
    open_dialog(program, POD)
    assert not program.child("pods.copy_ssh").isEnabled()
    assert "no public address" in program.child("pods.copy_ssh").toolTip()
    program.services.remote.pods.there = (replace(POD, ssh_command="ssh root@192.0.2.7 -p 2222"),)
    press(qtbot, program, "pods.refresh")
    press(qtbot, program, "pods.copy_ssh")
    assert QGuiApplication.clipboard().text() == "ssh root@192.0.2.7 -p 2222"


def test_a_pod_that_is_only_being_asked_for_has_no_page_yet(program: Program) -> None:
    open_dialog(program, replace(POD, id=POD.name, state="being rented", is_seen=False))
    console = program.child("pods.open_console")
    assert not console.isEnabled()
    assert console.toolTip() == "Runpod has not said yet whether there is one"
    assert program.child("pods.end").isEnabled()


def test_the_console_is_opened(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    open_dialog(program, POD)
    press(qtbot, program, "pods.open_console")
    assert [one.toString() for one in opened] == ["https://console.example/pods?id=pod-1"]


def test_the_status_bar_says_that_pods_cost_until_they_are_gone(
    program: Program, qtbot: QtBot
) -> None:
    ending = replace(POD, id="pod-2", state="ending, not confirmed yet")
    program.services.remote.pods.there = (POD, ending)
    program.aio(program.wiring.fill())
    indicator = program.child("pods.indicator")
    assert indicator.isVisible()
    assert indicator.text() == "2 rented pods, 1 being ended"
    press(qtbot, program, "pods.indicator")
    assert program.models.pods.rowCount() == 2
    program.services.remote.pods.there = ()
    program.wiring.pods.controller.refresh()
    program.settle()
    assert not indicator.isVisible()


def test_several_pods_are_in_sight_and_the_focus_is_theirs(program: Program) -> None:
    open_dialog(program, *(replace(POD, id=f"pod-{number}") for number in range(4)))
    for _ in range(4):
        QCoreApplication.processEvents()
    table = program.child("pods.table")
    assert table.viewport().height() >= 4 * table.rowHeight(0)
    assert program.child("pods.dialog").focusWidget() is table


def test_the_cost_is_in_sight_however_long_names_are(program: Program) -> None:
    long = replace(
        POD, state="bringing the results home", gpu="NVIDIA RTX PRO 6000 Blackwell Server Edition",
        cost=1234.5, most_cost=4444.0, is_needed=False,
    )  # fmt: skip
    open_dialog(program, long)
    assert row_of(program)[4] == "$1,234.50 of $4,444.00"
    table = program.child("pods.table")
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()
    assert table.horizontalScrollBar().maximum() == 0
    cost = table.visualRect(table.model().index(0, 4))
    assert table.viewport().rect().contains(cost)
    assert cost.width() >= table.sizeHintForColumn(4)
    line = program.child("pods.line").text()  # of the one pod, which is chosen
    assert line.startswith("“evening” on 2 × RTX PRO 6000 Blackwell Server Edition: $1,234.50")
    assert line.endswith(" State: bringing the results home, not needed.")


@pytest.mark.qt_log_ignore("This plugin does not support")  # of a tool tip, off screen
def test_what_a_cell_has_no_room_for_is_told_by_its_tool_tip(program: Program) -> None:
    gpu = "RTX PRO 6000 Blackwell Server Edition of a very long name"
    open_dialog(program, replace(POD, gpu=gpu, gpu_count=1))
    table, told = program.child("pods.table"), []
    for column in (0, 1, 3, 2):
        place = table.visualRect(table.model().index(0, column)).center()
        event = QHelpEvent(QEvent.Type.ToolTip, place, table.viewport().mapToGlobal(place))
        QCoreApplication.sendEvent(table.viewport(), event)
        told.append(QToolTip.text())
    QToolTip.hideText()
    assert told == ["", "", "", gpu]
