"""Closing the window over real processes: stopped and waited for, ended, killed meanwhile."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from models.domain.run import ProcessHandle, RunState
from tests.e2e.real_window import run_in, until
from tests.e2e.test_window_runs import _Window, home

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

__all__ = ["home"]  # a fixture
pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]


async def _training(program: _Window, how: str) -> psutil.Process:
    """Start a run that goes on until it is stopped; its process."""
    program.wiring.datasets.add_sample()
    await until(lambda: bool(program.models.form.value("dataset.session")))
    program.models.form.edit("hp.base_model", f"test/{how}")
    program.child("local.start").click()
    await until(lambda: len(program.models.run.metrics.curve("loss")[0]) >= 2)
    run = program.models.run.status.run
    assert run is not None
    assert isinstance(run.handle, ProcessHandle)
    return psutil.Process(run.handle.pid)


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_stop_and_save_closes_the_window_once_the_run_has_ended(
    qapp: QApplication, home: Path
) -> None:
    run_in(qapp, _stop_and_save(home))


async def _stop_and_save(home: Path) -> None:
    async with _Window(home) as program:
        process = await _training(program, "wait")
        closed: list[bool] = []
        program.window.closed.connect(lambda: closed.append(_gone(process)))
        program.window.close()
        program.child("question.discard").click()  # the setup was never saved
        await until(lambda: "A training is running" in program.child("question").windowTitle())
        program.child("question.stop").click()
        await until(lambda: bool(closed))
        assert closed == [True]
        assert program.state() is RunState.CANCELLED


def test_a_run_that_does_not_stop_can_be_ended_at_once(qapp: QApplication, home: Path) -> None:
    run_in(qapp, _end_now(home))


async def _end_now(home: Path) -> None:
    async with _Window(home) as program:
        process = await _training(program, "stubborn")
        program.services.settings.set("on_close", "stop")
        await program.wiring.settings.read()
        closed: list[bool] = []
        program.window.closed.connect(lambda: closed.append(True))
        program.window.close()
        program.child("question.discard").click()
        await until(lambda: program.models.run.status.is_stopping)
        assert not closed
        program.child("stopping.end_now").click()
        await until(lambda: bool(closed))
        assert _gone(process)


def test_what_became_of_a_run_meanwhile_is_told_at_the_next_start(
    qapp: QApplication, home: Path
) -> None:
    killed: list[psutil.Process] = []
    run_in(qapp, _leave(home, killed))
    killed[0].send_signal(signal.SIGKILL)
    while not _gone(killed[0]):  # a signal is not an end yet
        time.sleep(0.02)
    run_in(qapp, _learn_of_it(home))


async def _leave(home: Path, killed: list[psutil.Process]) -> None:
    async with _Window(home) as program:
        killed.append(await _training(program, "wait"))
        program.window.close()
        program.child("question.discard").click()
        program.child("question.keep").click()
        await until(lambda: not program.window.isVisible())


async def _learn_of_it(home: Path) -> None:
    async with _Window(home) as program:
        assert "failed while Temper was closed" in program.child("notice.title").text()
        assert program.child("notice.text").text() == program.child("run.reason").text()
        assert "killed from outside after step" in program.child("run.reason").text()
        assert program.child("run.remedy").text() == "Start again"  # it had saved no checkpoint
        program.models.form.edit("hp.base_model", "test/wait")
        program.child("run.remedy").click()
        await until(lambda: program.state() is RunState.RUNNING)
        program.child("local.stop").click()
        await until(lambda: program.state() is RunState.CANCELLED)
