"""Closing the window while a rented pod costs money, and pods that are ended without a click."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from models.domain.app_settings import CLOSE_KEEP
from models.domain.config import TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.pod_rows import AWAITS_AGENT, AWAITS_WORK, PodEnd, PodRow, Swept
from models.qt.pod_words import closing_text, closing_title, end_text, ending_title, pod_line
from tests.qt.fakes import NOW, make_run

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

ON_A_POD = with_values(TrainingConfig(), {"training.target": TARGET_RUNPOD})
POD = PodRow(
    "pod-1", "temper-1-2-1", "training", gpu="NVIDIA GeForce RTX 4090", gpu_count=1,
    per_hour=0.75, cost=0.58, most_cost=4.47, created_at=NOW, ends_at=NOW + 7200, run_id="run-1",
    number=1,
)  # fmt: skip


@pytest.fixture
def closed(program: Program) -> list[bool]:
    seen: list[bool] = []
    program.window.closed.connect(lambda: seen.append(True))
    return seen


def rent(program: Program, *rows: PodRow) -> None:
    """These pods are there when the window opens."""
    program.services.remote.pods.there = rows
    program.services.runs.stored = {"run-1": make_run("run-1", name="evening", config=ON_A_POD)}
    program.aio(program.wiring.fill())


def dialogs(program: Program) -> list[QWidget]:
    found = [*program.window.findChildren(QWidget, "question")]
    found += program.window.findChildren(QWidget, "ending_pods")
    return [dialog for dialog in found if dialog.isVisible()]


def words(program: Program) -> str:
    (dialog,) = dialogs(program)
    return " ".join(one.text() for one in dialog.findChildren(QWidget) if hasattr(one, "text"))


def press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)


def close(program: Program) -> None:
    program.window.close()
    program.settle()


def none_is_left(program: Program) -> None:
    """The test's end closes the window, too; it may have read anew by then."""
    program.services.remote.pods.there = ()
    program.wiring.pods.controller.rows = ()


def test_without_a_pod_nothing_is_asked(program: Program, closed: list[bool]) -> None:
    rent(program)
    assert program.services.remote.reaper.told is not None
    assert program.window.close()
    assert closed


def test_a_pod_is_kept_with_its_limit_said(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    rent(program, POD)
    close(program)
    assert not closed
    said = words(program)
    assert "A rented pod is running" in said
    assert "RTX 4090: $0.58 so far." in said
    assert "at most $4.47" in said
    press(qtbot, program, "question.keep")
    assert closed
    assert program.services.remote.pods.calls == []


def test_a_pod_is_ended_and_the_window_goes_when_it_is_gone(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    rent(program, POD, replace(POD, id="pod-2", run_id="run-2"))
    close(program)
    assert "End the pods" in words(program)
    press(qtbot, program, "question.end")
    program.settle()
    assert program.services.remote.pods.calls == ["pod-1", "pod-2"]
    assert closed


@pytest.mark.parametrize("fails", [False, True])
def test_the_window_stays_where_the_pod_is_not_proven_gone(
    program: Program, qtbot: QtBot, closed: list[bool], fails: bool
) -> None:
    rent(program, POD)
    pods = program.services.remote.pods
    pods.stubborn = {"pod-1"}
    pods.fails = AppError("network", "Runpod cannot be reached.") if fails else None
    close(program)
    press(qtbot, program, "question.end")
    program.settle()
    assert not closed
    assert dialogs(program) == []
    banner = program.window.training.banner
    assert banner.notice is not None
    assert ("could not be ended" if fails else "is not gone yet") in banner.notice.title
    pods.stubborn, pods.fails = set(), None
    close(program)
    press(qtbot, program, "question.end")
    program.settle()
    assert closed


def test_a_pod_that_cannot_be_ended_keeps_no_other_from_its_end(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    rent(program, POD, replace(POD, id="pod-2", run_id="run-2"))
    pods = program.services.remote.pods
    pods.failing = {"pod-1": AppError("server", "Runpod did not answer.")}
    close(program)
    press(qtbot, program, "question.end")
    program.settle()
    assert [row.id for row in pods.there] == ["pod-1"]
    assert not closed
    assert dialogs(program) == []
    none_is_left(program)


def test_cancelling_keeps_the_window_and_the_pod(
    program: Program, qtbot: QtBot, closed: list[bool]
) -> None:
    rent(program, POD)
    close(program)
    press(qtbot, program, "question.cancel")
    assert not closed
    assert program.services.remote.pods.calls == []
    none_is_left(program)


def test_a_pod_that_has_ended_meanwhile_is_not_asked_about(
    program: Program, closed: list[bool]
) -> None:
    rent(program, POD)
    program.services.remote.pods.there = ()
    close(program)
    assert closed


def test_whoever_always_keeps_trainings_is_not_asked(program: Program, closed: list[bool]) -> None:
    rent(program, POD)
    settings = program.window.models.settings
    kept = replace(settings.values, on_close=CLOSE_KEEP)
    settings.set_values(kept, offline=False, forced=False)
    assert program.window.close()
    assert closed


@pytest.mark.parametrize(
    ("awaits", "says"),
    [
        (AWAITS_AGENT, "Until its agent answers, nothing but Temper ends it."),
        (AWAITS_WORK, "Without Temper it ends by itself after half an hour."),
    ],
)
def test_a_pod_on_which_nothing_trains_yet_is_asked_about_always_and_nothing_false_is_said(
    program: Program, qtbot: QtBot, closed: list[bool], awaits: str, says: str
) -> None:
    rent(program, replace(POD, awaits=awaits))
    settings = program.window.models.settings
    kept = replace(settings.values, on_close=CLOSE_KEEP)
    settings.set_values(kept, offline=False, forced=False)
    close(program)
    assert not closed
    said = words(program)
    assert says in said
    assert "Nothing trains on it yet" in said
    assert "results come home" not in said
    assert "Close anyway" in said
    assert "at most" not in said
    press(qtbot, program, "question.keep")
    assert closed


def test_what_the_reaper_ended_is_told(program: Program) -> None:
    rent(program)
    told = program.services.remote.reaper.told
    assert told is not None
    told(Swept((PodEnd(POD, gone=True),)))
    program.settle()
    banner = program.window.training.banner
    assert banner.notice is not None
    assert "1 pod that no run needed was ended" in banner.notice.title
    told(Swept(left=(POD,)))
    program.settle()
    assert "no run that is known here" in banner.notice.title
    assert "temper pods stop pod-1" in banner.notice.text


def test_the_words_count() -> None:
    two = (POD, replace(POD, id="pod-2"))
    assert closing_title(two) == "2 rented pods are running"
    assert closing_text(two).startswith("They go on")
    assert ending_title(two) == "Ending 2 pods"
    names = {"run-1": "evening"}
    assert pod_line(replace(POD, gpu_count=2), names, NOW).startswith("“evening” on 2 × RTX 4090: ")
    assert "(in 2 h), at most $4.47." in pod_line(POD, names, NOW)
    assert "should have ended at" in pod_line(POD, names, NOW + 9000)
    assert "at its limit." in pod_line(replace(POD, ends_at=None), names, NOW)
    assert closing_text((POD, replace(POD, awaits=AWAITS_WORK))).startswith(
        "Nothing trains on some"
    )
    bare = replace(POD, has_volume=False)
    assert "nothing of it is kept" in closing_text((bare,))
    assert "nothing is kept of those without a network volume" in closing_text((POD, bare))
    assert "nothing of it is kept" in end_text(bare)
    ending = replace(POD, state="ending, not confirmed yet")
    assert "not proven gone yet" in pod_line(ending, names, NOW)
