"""Which runs the table shows: those with all the words, in one group of states, with one tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel

from models.domain.run import RunState
from models.domain.run_history import matches
from models.qt.table_model import ITEM_ROLE, SORT_ROLE

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from models.domain.run import Run

_ROWS = QSortFilterProxyModel.Direction.Rows
ALL_STATES = "All states"
STATE_GROUPS = {
    ALL_STATES: frozenset(RunState),
    "Running": frozenset({RunState.PREPARING, RunState.RUNNING, RunState.STOPPING}),
    "Finished": frozenset({RunState.FINISHED}),
    "Failed": frozenset({RunState.FAILED, RunState.LOST}),
    "Stopped": frozenset({RunState.CANCELLED}),
}
"""What a person asks for, and the states that are meant."""


class RunsFilter(QSortFilterProxyModel):
    """Runs that have begun, sorted and filtered; those that wait are the queue's to show."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._words = ""
        self._states = STATE_GROUPS[ALL_STATES]
        self._tag = ""

    @property
    def is_filtering(self) -> bool:
        """Whether the user asked for less than all."""
        return bool(self._words or self._tag or self._states != STATE_GROUPS[ALL_STATES])

    def set_text(self, text: str) -> None:
        """Show runs with all of these words in name, model, dataset, notes, tags or state."""
        self.beginFilterChange()
        self._words = text.strip()
        self.endFilterChange(_ROWS)

    def set_states(self, group: str) -> None:
        """Show runs of one of the STATE_GROUPS."""
        self.beginFilterChange()
        self._states = STATE_GROUPS[group]
        self.endFilterChange(_ROWS)

    def set_tag(self, tag: str) -> None:
        """Show runs with this tag; the empty text stands for all."""
        self.beginFilterChange()
        self._tag = tag
        self.endFilterChange(_ROWS)

    def filterAcceptsRow(self, row: int, parent: QModelIndex | QPersistentModelIndex) -> bool:
        run = self.sourceModel().index(row, 0, parent).data(ITEM_ROLE)
        if run is None or is_waiting(run) or run.state not in self._states:
            return False
        if self._tag and self._tag not in run.tags:
            return False
        return matches(run, self._words)


def is_waiting(run: Run) -> bool:
    """Whether a run waits in the queue for its turn."""
    return run.queued_at is not None and not run.state.is_over and not run.state.is_live
