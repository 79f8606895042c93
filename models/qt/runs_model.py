"""The table of all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.run import RunState
from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import duration, number, when

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from models.domain.run import Run

STATE_COLUMN = 1
STATE_WORDS = {
    RunState.DRAFT: "Draft",
    RunState.QUEUED: "Waiting",
    RunState.PREPARING: "Preparing",
    RunState.RUNNING: "Running",
    RunState.STOPPING: "Stopping",
    RunState.FINISHED: "Finished",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Stopped",
    RunState.LOST: "Lost",
}


class RunsModel(ItemTableModel["Run"]):
    """Runs, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)


def _key(run: Run) -> object:
    return run.id


def _name(run: Run) -> str:
    return run.name or run.id


def _state(run: Run) -> str:
    return STATE_WORDS[run.state]


def _steps(run: Run) -> str:
    return f"{run.step:,} / {run.total_steps:,}" if run.total_steps else "—"


def _step_number(run: Run) -> object:
    return run.step


def _loss(run: Run) -> str:
    before, after = run.eval_loss_before, run.eval_loss_after
    if after is None:
        return "—" if before is None else number(before)
    return number(after) if before is None else f"{number(before)} → {number(after)}"


def _loss_number(run: Run) -> object:
    return float("inf") if run.eval_loss_after is None else run.eval_loss_after


def _model(run: Run) -> str:
    return (run.base_model or run.config.hp.base_model).rsplit("/", 1)[-1]


def _started(run: Run) -> str:
    return when(run.started_at or run.created_at)


def _started_number(run: Run) -> object:
    return run.started_at or run.created_at


def _took(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return "—"
    return duration(run.ended_at - run.started_at)


def _took_number(run: Run) -> object:
    return (run.ended_at or 0.0) - (run.started_at or 0.0)


_COLUMNS: tuple[Column[Run], ...] = (
    Column("Name", _name),
    Column("State", _state),
    Column("Steps", _steps, _step_number, is_number=True),
    Column("Held-out loss", _loss, _loss_number, is_number=True),
    Column("Started", _started, _started_number),
    Column("Took", _took, _took_number),
    Column("Base model", _model),
)
