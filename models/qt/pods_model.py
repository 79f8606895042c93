"""The rented pods of this installation, for the dialog that shows and ends them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal

from models.domain.pod_quote import dollars, hours
from models.domain.remote_money import clock_words
from models.qt.pod_words import pod_line
from models.qt.table_model import Column, ItemTableModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QObject

    from models.domain.pod_rows import PodRow

NOTHING = "–"
_DISPLAY = Qt.ItemDataRole.DisplayRole
_Index = QModelIndex | QPersistentModelIndex


class PodsModel(ItemTableModel["PodRow"]):
    """One row a pod. ``note`` says how far the list is to be trusted, ``problem`` why it is not
    Runpod's own; ``is_looking`` while Runpod is asked, ``ending`` are the ids that are ended now.

    Signals:
        changed: anything here may be different now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)
        self._names: dict[str, str] = {}
        self.problem = ""
        self.asked: float | None = None
        self.is_looking = False
        self.ending: frozenset[str] = frozenset()

    @property
    def note(self) -> str:
        """When Runpod was asked, and what all of them have cost."""
        if self.asked is None or self.problem:
            return self.problem
        cost = sum(row.cost for row in self.items)
        spent = f" {dollars(cost)} so far in all." if len(self.items) > 1 else ""
        return f"As of {clock_words(self.asked, time.time())}.{spent}"

    def set_looking(self) -> None:
        """Runpod is being asked."""
        self.is_looking = True
        self.changed.emit()

    def set_rows(
        self,
        rows: Sequence[PodRow],
        names: Mapping[str, str],
        *,
        asked: float | None,
        problem: str = "",
    ) -> None:
        """Show these; ``names`` are the runs' by their ids."""
        self.is_looking, self.asked, self.problem = False, asked, problem
        self._names = dict(names)
        if tuple(rows) != self.items:
            self.set_items(rows)
        self.changed.emit()

    def set_ending(self, ids: frozenset[str]) -> None:
        """These are being ended."""
        self.ending = ids
        self.changed.emit()

    def name_of(self, row: PodRow) -> str:
        """The run's name, else what is known of whose it is."""
        return self._names.get(row.run_id) or row.run_id or "no run that is known here"

    def line(self, row: PodRow) -> str:
        """All of a row in words, for the table cuts what is long."""
        names = {row.run_id: self.name_of(row)} if row.run_id else {}
        return f"{pod_line(row, names, time.time())} State: {_state(row)}."

    def data(self, index: _Index, role: int = _DISPLAY) -> object:
        if role == _DISPLAY and index.column() == 0:
            row = self.item(index.row())
            return "" if row is None else self.name_of(row)
        return super().data(index, role)


def gpu_words(row: PodRow) -> str:
    """``2 × RTX 4090``; what is not known is a dash."""
    name = row.gpu.removeprefix("NVIDIA ").removeprefix("GeForce ")
    return (f"{row.gpu_count} × {name}" if row.gpu_count > 1 else name) or NOTHING


def _key(row: PodRow) -> object:
    return row.id


def _run(row: PodRow) -> str:
    return row.run_id


def _state(row: PodRow) -> str:
    words = row.state.partition(", not confirmed")[0] or "not listed"
    if words != row.state and row.state:
        return f"{words}, unconfirmed"
    return words if row.is_needed else f"{words}, not needed"


def _age(row: PodRow) -> str:
    age = row.age(time.time())
    return NOTHING if age is None else hours(age)


def _age_number(row: PodRow) -> object:
    return -(row.created_at or 0.0)


def _cost(row: PodRow) -> str:
    most = "" if row.most_cost is None else f" of {dollars(row.most_cost)}"
    return f"{dollars(row.cost)}{most}"


def _cost_number(row: PodRow) -> object:
    return row.cost


def _ends(row: PodRow) -> str:
    return NOTHING if row.ends_at is None else clock_words(row.ends_at, time.time())


_COLUMNS: tuple[Column[PodRow], ...] = (
    Column("Run", _run),
    Column("State", _state, help="Not needed: no run here goes on with it"),
    Column("GPU", gpu_words),
    Column("Age", _age, _age_number),
    Column("Cost", _cost, _cost_number, is_number=True, help="So far, and at most"),
    Column("Ends", _ends, help="By itself, at the limit of time or money"),
)
