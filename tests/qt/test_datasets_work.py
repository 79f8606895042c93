"""Rows of datasets are exported, merged and split off from their page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from models.domain.dataset import MergePart
from models.domain.errors import AppError
from models.qt.merge_plan import MergePlan
from models.qt.split_plan import ROWS, SplitPlan
from tests.qt.datasets_steps import (
    PHYSICS,
    POEMS,
    SUPPORT,
    actions_of,
    dialog_of,
    listed,
    open_page,
    select,
    selected,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


@pytest.mark.parametrize(("file", "kind"), [("a.jsonl", "jsonl"), ("b.parquet", "parquet")])
def test_rows_are_exported_as_the_files_ending_says(
    program: Program, tmp_path: Path, file: str, kind: str
) -> None:
    open_page(program)
    select(program, PHYSICS)
    actions_of(program).export.trigger()
    dialog = dialog_of(program, "export.dialog")
    assert dialog.selectedFiles()[0].endswith("Physics.jsonl")
    dialog.fileSelected.emit(str(tmp_path / file))
    dialog.close()
    program.settle()
    assert program.services.datasets.calls[-1] == ("export", (2, tmp_path / file, kind))
    assert not program.child("datasets.task").isVisible()


def test_what_a_parquet_file_needs_is_set_up_from_the_page(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    open_page(program)
    program.services.runtime.ready = False
    program.services.datasets.error = AppError("runtime_missing", "It needs the environment.")
    program.wiring.library.library.export(PHYSICS, tmp_path / "a.parquet")
    program.settle()
    assert program.child("datasets.notice.title").text() == "Physics was not exported"
    program.services.datasets.error = None
    qtbot.mouseClick(program.child("datasets.notice.action"), Qt.MouseButton.LeftButton)
    program.settle()
    assert program.services.runtime.ready
    wanted = ("export", (2, tmp_path / "a.parquet", "parquet"))
    assert program.services.datasets.calls == [wanted, wanted]
    assert not program.services.runs.calls  # setting it up for this starts no training


def test_choosing_parquet_changes_the_ending_of_the_name(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    actions_of(program).export.trigger()
    dialog = dialog_of(program, "export.dialog")
    dialog.filterSelected.emit("Parquet (*.parquet)")
    assert dialog.selectedFiles()[0].endswith("Physics.parquet")
    dialog.close()


def test_a_task_shows_how_far_it_is_and_can_be_cancelled(program: Program) -> None:
    open_page(program)
    library, told = program.wiring.library.library, []
    library.task.progressed.connect(told.append)
    library.merge(MergePlan(((SUPPORT, 1.0), (PHYSICS, 1.0)), "Both"))
    assert program.child("datasets.task").isVisible()
    library.merge(MergePlan(((SUPPORT, 1.0), (POEMS, 1.0)), "Other"))  # one at a time
    program.child("datasets.task.cancel").click()
    program.settle()
    assert [progress.message for progress in told] == ["200 rows"]
    assert not program.child("datasets.task").isVisible()
    assert "Both" not in listed(program)
    assert len(program.services.datasets.calls) == 1


def test_datasets_are_merged_with_their_weights(program: Program) -> None:
    open_page(program)
    select(program, SUPPORT, PHYSICS)
    actions_of(program).merge.trigger()
    program.child("merge.weight.0").setText("0,5")
    program.child("merge.weight.1").setText("2")
    assert program.child("merge.words").text() == (
        "4,900 rows from 2 datasets. All become chat messages."
    )
    assert program.child("merge.licences").text() == "Licences: MIT + unknown"
    program.child("merge.name").setText("Both")
    program.child("merge.ok").click()
    program.settle()
    parts = (MergePart(3, 0.5), MergePart(2, 2.0))
    assert program.services.datasets.calls[-1] == ("merge", (parts, "Both", 0, True))
    assert selected(program) == ["Both"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("merge.weight.0", "0", "0 is no weight of a dataset."),
        ("merge.weight.0", "many", "Type a number as the weight of Support answers."),
        ("merge.name", "  ", "Give it a name."),
        ("merge.seed", "-1", "The seed is a whole number."),
    ],
)
def test_a_merge_that_cannot_be_says_why(
    program: Program, name: str, text: str, words: str
) -> None:
    open_page(program)
    select(program, SUPPORT, PHYSICS)
    actions_of(program).merge.trigger()
    program.child(name).setText(text)
    assert program.child("merge.words").text().startswith(words)
    assert not program.child("merge.ok").isEnabled()
    dialog_of(program, "merge").reject()


def test_formats_that_do_not_go_together_are_not_merged() -> None:
    plan = MergePlan(((SUPPORT, 1.0), (POEMS, 1.0)), "Both")
    assert "cannot be merged" in plan.problem
    assert "_" not in plan.problem  # words, not the names of formats in files
    assert plan.words == plan.problem


def test_a_part_is_split_off(program: Program) -> None:
    open_page(program)
    select(program, PHYSICS)
    actions_of(program).split.trigger()
    assert program.child("split.words").text().startswith("About 1,080 rows to train on and 120")
    program.child("split.amount").setText("200")
    assert not program.child("split.ok").isEnabled()  # more than all of it
    program.child("split.unit").setCurrentIndex(1)
    program.child("split.as").setCurrentIndex(1)
    program.child("split.seed").setText("7")
    program.child("split.ok").click()
    program.settle()
    assert program.services.datasets.calls[-1] == ("split_off", (2, None, 200, 7, False))
    assert {"Physics", "Physics (rest)", "Physics (held out)"} <= set(listed(program))
    assert selected(program) == ["Physics (rest)"]


@pytest.mark.parametrize("amount", [None, 0.0, 10.5, 1200.0])
def test_a_split_that_cannot_be_says_why(amount: float | None) -> None:
    assert SplitPlan(PHYSICS, amount, ROWS).problem


def test_what_needs_one_or_several_datasets_says_so(program: Program) -> None:
    open_page(program)
    actions = actions_of(program)
    select(program, SUPPORT)
    assert not actions.merge.isEnabled()
    assert "two datasets or more" in actions.merge.toolTip()
    select(program, SUPPORT, PHYSICS)
    assert actions.merge.isEnabled()
    assert not actions.export.isEnabled()
    assert actions.export.toolTip() == "Choose one dataset for this"
