"""The table of runs: several may be selected, and keys do what the menu does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView

from models.qt.runs_filter import RunsFilter
from models.qt.runs_model import COST_COLUMN, STATE_COLUMN
from models.qt.table_model import ITEM_ROLE
from views.theme import current_theme
from views.widgets.item_table import ItemTable
from views.widgets.tone_delegate import ToneDelegate

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from models.domain.run import Run
    from models.qt.runs_model import RunsModel

_SAMPLES = (
    "Support answers", "● Running 100%", "Loss ▾", "Best loss ▾", "28 Mar 00:00 ",
    "23 h 59 min", "Meta-Llama-3.1-8B-Instruct", "Support answers", "$1,234.50",
)  # fmt: skip
"""What a column is as wide as at first; the user may drag it. Measuring every run takes longer."""
_ALWAYS = 6
"""Columns that always show; the ones behind them do in this order where there is room."""
_CELL = 26
"""Pixels left and right of a cell's text."""


class RunsTable(ItemTable):
    """Shows a RunsModel through a filter. What is selected stays so when the list is read anew.

    Signals:
        runs_selected: the selected runs (a tuple), in the table's order.
        delete_requested: the Delete key.
        menu_requested: the place (global) where a context menu is wanted.
    """

    runs_selected = Signal(object)
    delete_requested = Signal()
    menu_requested = Signal(object)

    def __init__(self, runs: RunsModel) -> None:
        self.filter = RunsFilter()
        super().__init__("runs.table", "All runs", runs, stretches=False, proxy=self.filter)
        self.filter.setParent(self)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setItemDelegateForColumn(STATE_COLUMN, ToneDelegate(self))
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self._runs = runs
        self._wanted: list[int] = []
        self._fitted: tuple[int, bool, int] | None = None
        self._kept: tuple[str, ...] = ()
        runs.modelAboutToBeReset.connect(self._keep)
        runs.modelReset.connect(self._restore)
        for signal in (runs.modelReset, runs.rowsInserted, runs.dataChanged):
            signal.connect(self._show_columns)
        current_theme().changed.connect(self._fit)
        self._fit()

    def selected_runs(self) -> tuple[Run, ...]:
        """The selected runs, from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def select_runs(self, run_ids: Collection[str]) -> None:
        """Select these runs, as far as they are shown."""
        model, flags = self.selectionModel(), QItemSelectionModel.SelectionFlag
        chosen = [
            index
            for row in range(self.filter.rowCount())
            if (index := self.filter.index(row, 0)).data(ITEM_ROLE).id in run_ids
        ]
        if not chosen:
            return
        all_of_them = QItemSelection()
        for index in chosen:
            all_of_them.select(index, index)
        model.setCurrentIndex(chosen[0], flags.NoUpdate)
        model.select(all_of_them, flags.ClearAndSelect | flags.Rows)

    def select_first(self) -> None:
        """Select the run at the top."""
        if self.filter.rowCount():
            self.selectRow(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and not event.modifiers():
            self.delete_requested.emit()
            return
        super().keyPressEvent(event)

    @Slot(object, object)
    def _on_selection_changed(self, now: QItemSelection, before: QItemSelection) -> None:
        super()._on_selection_changed(now, before)
        self.runs_selected.emit(self.selected_runs())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()

    @Slot()
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

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.selected_runs():
            self.menu_requested.emit(self.viewport().mapToGlobal(place))

    @Slot()
    def _keep(self) -> None:
        self._kept = tuple(run.id for run in self.selected_runs())

    @Slot()
    def _restore(self) -> None:
        self.select_runs(self._kept)

    @Slot()
    def _fit(self) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        letters = self.fontMetrics()
        self._wanted = [letters.horizontalAdvance(text) + _CELL for text in _SAMPLES]
        for column, width in enumerate(self._wanted):
            self.setColumnWidth(column, width)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 16)
        self._show_columns()
