"""The table of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHeaderView

from models.qt.runs_filter import RunsFilter
from models.qt.runs_model import COST_COLUMN, STATE_COLUMN
from views.widgets.list_table import CELL
from views.widgets.several_table import SeveralTable
from views.widgets.tone_delegate import ToneDelegate

if TYPE_CHECKING:
    from models.domain.run import Run
    from models.qt.runs_model import RunsModel

_SAMPLES = (
    "Support answers", "● Running 100%", "Loss ▾", "Best loss ▾", "28 Mar 00:00 ",
    "23 h 59 min", "Meta-Llama-3.1-8B-Instruct", "Support answers", "$1,234.50",
)  # fmt: skip
"""What a column is as wide as at first; the user may drag it. Measuring every run takes longer."""
_ALWAYS = 6
"""Columns that always show; the ones behind them do in this order where there is room."""


class RunsTable(SeveralTable[RunsFilter]):
    """Shows a RunsModel through a filter."""

    def __init__(self, runs: RunsModel) -> None:
        super().__init__("runs.table", "All runs", runs, RunsFilter(), stretches=False)
        self.setItemDelegateForColumn(STATE_COLUMN, ToneDelegate(self))
        self._runs = runs
        self._wanted: list[int] = []
        self._fitted: tuple[int, bool, int] | None = None
        self._fit()

    def selected_runs(self) -> tuple[Run, ...]:
        """The selected runs, from top to bottom."""
        return self.selected_items()

    def _show_columns(self) -> None:
        """Show the columns that fit, and let the names have the room that is left."""
        width, is_free = self.viewport().width(), self._is_empty(COST_COLUMN)
        if self._fitted == (width, is_free, self._wanted[0]):
            return  # what the user dragged stays
        self._fitted = (width, is_free, self._wanted[0])
        room = width - sum(self._wanted[:_ALWAYS])
        for column in range(_ALWAYS, len(self._wanted)):
            fits = self._wanted[column] <= room and not self._is_empty(column)
            self.setColumnHidden(column, not fits)
            room -= self._wanted[column] if fits else 0
        self.setColumnWidth(0, self._wanted[0] + max(0, room))

    def _is_empty(self, column: int) -> bool:
        """Whether a column would say nothing: most people never rent a GPU."""
        return column == COST_COLUMN and all(run.cost_usd is None for run in self._runs.items)

    def _fit(self) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        letters = self.fontMetrics()
        self._wanted = [letters.horizontalAdvance(text) + CELL for text in _SAMPLES]
        for column, width in enumerate(self._wanted):
            self.setColumnWidth(column, width)
        self._fit_rows()
        self._show_columns()
