"""The window's queue and history over real processes, a real database and real folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.run import RunState
from tests.e2e.real_window import run_in, until
from tests.e2e.test_window_runs import _Window, home
from views.main_window import RUNS, TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

__all__ = ["home"]  # a fixture
pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]


async def _start(program: _Window, how: str, folder: str) -> None:
    """Start a setup, or let it wait where something trains."""
    if not program.models.form.value("dataset.session"):
        program.wiring.datasets.add_sample()
        await until(lambda: bool(program.models.form.value("dataset.session")))
    program.models.form.edit("hp.base_model", f"test/{how}")
    program.models.form.edit("output.directory", f"/data/outputs/{folder}")
    program.child("local.start").click()


def _states(program: _Window) -> list[RunState]:
    return [run.state for run in program.models.runs.items]


def test_what_waits_starts_when_the_run_before_it_ends(qapp: QApplication, home: Path) -> None:
    run_in(qapp, _three_in_a_row(home))


async def _three_in_a_row(home: Path) -> None:
    async with _Window(home) as program:
        await _start(program, "wait", "first")
        await until(lambda: len(program.models.run.metrics.curve("loss")[0]) >= 2)
        for place, how in enumerate(("fail", "finish"), start=1):
            await _start(program, how, how)
            await until(lambda place=place: program.models.queue.rowCount() == place)  # type: ignore[misc]
        assert len(list((home / "data" / "runs").iterdir())) == 3
        program.child("local.stop").click()
        wanted = [RunState.FINISHED, RunState.FAILED, RunState.CANCELLED]
        await until(lambda: _states(program) == wanted)
        await until(lambda: program.child("run.status").text() == "Training finished")
        await until(lambda: program.models.queue.rowCount() == 0)


def test_what_waits_survives_the_window(qapp: QApplication, home: Path) -> None:
    run_in(qapp, _leave_one_waiting(home))
    run_in(qapp, _find_it_started(home))


async def _leave_one_waiting(home: Path) -> None:
    async with _Window(home) as program:
        await _start(program, "wait", "first")
        await until(lambda: program.state() is RunState.RUNNING)
        await _start(program, "finish", "second")
        await until(lambda: program.models.queue.rowCount() == 1)


async def _find_it_started(home: Path) -> None:
    async with _Window(home) as program:
        await until(lambda: program.models.queue.rowCount() == 1)
        assert program.state() is RunState.RUNNING
        program.child("local.stop").click()
        await until(lambda: program.state() is RunState.FINISHED)


def test_runs_are_noted_compared_repeated_and_deleted(qapp: QApplication, home: Path) -> None:
    run_in(qapp, _use_the_page(home))


async def _use_the_page(home: Path) -> None:
    async with _Window(home) as program:
        for number in (1, 2):
            await _start(program, "finish", f"run_{number}")
            await until(lambda number=number: _states(program) == [RunState.FINISHED] * number)  # type: ignore[misc]
            program.window.show_page(TRAINING)
        program.window.show_page(RUNS)
        newest = program.models.runs.items[0]
        await until(lambda: program.models.shown_run.run_id == newest.id)
        program.child("runs.notes").setPlainText("The second one")
        program.child("runs.table").selectAll()
        await until(lambda: len(program.models.compared.lines()) == 2)
        await until(lambda: bool(program.models.compared.difference_rows()))
        labels = [row.label for row in program.models.compared.difference_rows()]
        assert labels == ["Output directory"]
        assert program.services.history.list()[0].notes == "The second one"
        program.child("runs.table").selectRow(0)
        program.child("runs.again").click()
        await until(lambda: program.window.findChild(object, "question.yes") is not None)
        program.child("question.yes").click()  # the output goes to another place
        await until(lambda: _states(program) == [RunState.FINISHED] * 3)
        repeated = program.models.runs.items[0]
        assert repeated.config.hp == newest.config.hp
        assert repeated.output_directory != newest.output_directory
        program.child("runs.table").selectAll()
        program.child("runs.delete").click()
        await until(lambda: program.window.findChild(object, "question.outputs") is not None)
        assert program.child("question").windowTitle() == "Delete 3 runs?"
        program.child("question.yes").click()
        await until(lambda: program.models.runs.rowCount() == 0)
        await until(lambda: list((home / "data" / "runs").iterdir()) == [])
        assert len(list((home / "data" / "outputs").iterdir())) == 3
