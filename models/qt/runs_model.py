"""The table of all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPersistentModelIndex, Qt

from models.domain.run import RunState
from models.domain.run_history import best_loss, dataset_name, final_loss, model_name, seconds
from models.qt.run_status import tone
from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import duration, money, number, when

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QObject

    from models.domain.run import Run

STATE_COLUMN, COST_COLUMN = 1, 8
TONE_ROLE = Qt.ItemDataRole.UserRole + 2
_TIP = Qt.ItemDataRole.ToolTipRole
NOTHING = "–"
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
    """Runs, newest first. ``TONE_ROLE`` says how one stands (``good``, ``bad``, …)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)

    def tags(self) -> tuple[str, ...]:
        """Every tag that a run has, in the order of the alphabet."""
        return tuple(sorted({tag for run in self.items for tag in run.tags}, key=str.casefold))

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        run = self.item(index.row())
        if run is not None and index.column() == STATE_COLUMN and role == TONE_ROLE:
            return tone(run)
        if run is not None and role == _TIP:  # a narrow table does not show them
            return f"{name_of(run)}\n{model_name(run)} · {dataset_name(run)}"
        return super().data(index, role)


def name_of(run: Run) -> str:
    """What a run is called: its own name, or its id."""
    return run.name or run.id


def state_words(run: Run) -> str:
    """The state, and while it runs how far it is."""
    words = STATE_WORDS[run.state]
    if run.state is RunState.RUNNING and run.total_steps:
        return f"{words} {min(1.0, run.step / run.total_steps):.0%}"
    return words


def loss_words(value: float | None) -> str:
    """A loss, or a dash where there is none."""
    return NOTHING if value is None else number(value)


def cost_words(run: Run) -> str:
    """What a rented run cost; a dash for one of this computer."""
    return NOTHING if run.cost_usd is None else money(run.cost_usd)


def took_words(run: Run) -> str:
    """How long it took; a dash until it has ended."""
    length = seconds(run)
    return NOTHING if length is None else duration(length)


def _key(run: Run) -> object:
    return run.id


def _final(run: Run) -> str:
    return loss_words(final_loss(run))


def _best(run: Run) -> str:
    return loss_words(best_loss(run))


def _final_number(run: Run) -> object:
    return _last_if_none(final_loss(run))


def _best_number(run: Run) -> object:
    return _last_if_none(best_loss(run))


def _started(run: Run) -> str:
    return when(run.started_at or run.created_at)


def _started_number(run: Run) -> object:
    return run.started_at or run.created_at


def _took_number(run: Run) -> object:
    return _last_if_none(seconds(run))


def _cost_number(run: Run) -> object:
    return -1.0 if run.cost_usd is None else run.cost_usd


def _last_if_none(value: float | None) -> float:
    return float("inf") if value is None else value


_COLUMNS: tuple[Column[Run], ...] = (
    Column("Name", name_of),
    Column("State", state_words),
    Column(
        "Loss", _final, _final_number, is_number=True,
        help="The final loss: on held-out rows where that was measured, else of the training",
    ),
    Column(
        "Best loss", _best, _best_number, is_number=True,
        help="The lowest that was measured on held-out rows",
    ),
    Column("Started", _started, _started_number),
    Column("Took", took_words, _took_number, is_number=True),
    Column("Base model", model_name),
    Column("Dataset", dataset_name),
    Column("Cost", cost_words, _cost_number, is_number=True, help="Of a rented GPU, in US dollars"),
)  # fmt: skip
