"""What a run made is exported from its page: as what, into which folder, how far, and why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from services.progress import Progress
from tests.qt.runs_steps import choose, open_page, some_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


def opened(program: Program, **changes: object) -> Program:
    """The Runs page with a run that has made something selected."""
    runs = some_runs()
    runs[0] = replace(runs[0], adapter_path="/tmp/data/outputs/c/adapter", **changes)  # type: ignore[arg-type]
    open_page(program, runs)
    choose(program, "Best so far")
    return program


def export(program: Program, folder: Path, kind: str = "adapter") -> None:
    """Press Export, say as what, and choose the folder."""
    program.window.runs.actions_.export.trigger()  # type: ignore[union-attr]
    if kind:
        program.child(f"question.{kind}").click()
    program.child("runs.export_dialog").fileSelected.emit(str(folder))
    program.child("runs.export_dialog").close()
    program.settle()


@pytest.mark.parametrize("kind", ["adapter", "merged"])
def test_what_a_run_made_is_exported_as_chosen_into_the_folder_that_is_chosen(
    program: Program, tmp_path: Path, kind: str
) -> None:
    opened(program)
    export(program, tmp_path, kind)
    assert program.services.exports.calls == [("c", kind, tmp_path)]
    told = program.window.statusBar().currentMessage()
    assert told == f"Exported to {tmp_path / f'c-{kind}'}"


def test_a_run_that_trained_every_weight_is_not_asked_about(
    program: Program, tmp_path: Path
) -> None:
    opened(program, config=with_values(TrainingConfig(), {"hp.tuning": "full"}))
    export(program, tmp_path, "")
    assert program.services.exports.calls == [("c", "merged", tmp_path)]


def test_how_far_it_is_is_shown_and_it_can_be_cancelled(program: Program, tmp_path: Path) -> None:
    opened(program)
    bar, message = program.child("runs.exporting"), program.child("runs.exporting.message")
    title = program.child("runs.exporting.title")
    seen: list[tuple[str, str, bool]] = []

    def during() -> None:
        seen.append((title.text(), message.text(), bar.isVisible()))
        program.child("runs.exporting.cancel").click()

    words = "Writing the merged model, 135 of 270 MB"
    program.services.exports.reports = [Progress(0.25, words)]
    program.services.exports.during = during
    export(program, tmp_path, "merged")
    assert seen == [("Exporting Best so far", words, True)]
    assert program.window.statusBar().currentMessage() == "Cancelled: nothing was changed"
    assert not bar.isVisible()


def test_the_end_of_the_program_ends_an_export(program: Program, tmp_path: Path) -> None:
    opened(program)
    program.services.exports.during = program.wiring.history.finish
    export(program, tmp_path)
    assert program.window.statusBar().currentMessage() == "Cancelled: nothing was changed"


def test_a_run_that_left_nothing_is_not_exported(program: Program) -> None:
    opened(program)
    choose(program, "First try")
    action = program.window.runs.actions_.export  # type: ignore[union-attr]
    assert not action.isEnabled()
    assert "nothing" in action.toolTip()


def test_a_failure_is_said_on_the_page(program: Program, tmp_path: Path) -> None:
    opened(program)
    program.services.exports.error = AppError("disk_full", "It is full.", "Make room.")
    export(program, tmp_path)
    assert program.child("runs.notice").isVisible()
    assert program.child("runs.notice.title").text() == "Nothing was exported"
    assert program.child("runs.notice.text").text() == "It is full. Make room."
