"""The table of datasets: several may be selected, and keys do what the menu does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView

from models.qt.datasets_filter import DatasetsFilter
from models.qt.table_model import ITEM_ROLE
from views.theme import current_theme
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from models.domain.dataset import DatasetSession
    from models.qt.datasets_model import DatasetsModel

_LEAST_NAME = "Support answers of the spring"
"""Names get at least as much room as this takes."""
_CELL = 26
"""Pixels left and right of a cell's text."""


class DatasetsTable(ItemTable):
    """Shows a DatasetsModel through a filter. What is selected stays so when the list is read anew.

    Signals:
        sessions_selected: the selected datasets (a tuple), in the table's order.
        delete_requested: the Delete key.
        menu_requested: the place (global) where a context menu is wanted.
    """

    sessions_selected = Signal(object)
    delete_requested = Signal()
    menu_requested = Signal(object)

    def __init__(self, datasets: DatasetsModel) -> None:
        self.filter = DatasetsFilter()
        super().__init__("datasets.table", "All datasets", datasets, proxy=self.filter)
        self.filter.setParent(self)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._kept: tuple[int, ...] = ()
        datasets.modelAboutToBeReset.connect(self._keep)
        datasets.modelReset.connect(self._restore)
        for signal in (datasets.modelReset, datasets.rowsInserted, datasets.dataChanged):
            signal.connect(self._show_columns)
        current_theme().changed.connect(self._fit)
        self._fit()

    def selected_sessions(self) -> tuple[DatasetSession, ...]:
        """The selected datasets, from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def shown_sessions(self) -> tuple[DatasetSession, ...]:
        """What the table shows now, from top to bottom."""
        rows = range(self.filter.rowCount())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def select_sessions(self, ids: Collection[int]) -> None:
        """Select these datasets, as far as they are shown."""
        model, flags = self.selectionModel(), QItemSelectionModel.SelectionFlag
        rows = range(self.filter.rowCount())
        all_rows = [self.filter.index(row, 0) for row in rows]
        chosen = [index for index in all_rows if index.data(ITEM_ROLE).id in ids]
        if not chosen:
            return
        all_of_them = QItemSelection()
        for index in chosen:
            all_of_them.select(index, index)
        model.setCurrentIndex(chosen[0], flags.NoUpdate)
        model.select(all_of_them, flags.ClearAndSelect | flags.Rows)
        self.scrollTo(chosen[0])

    def select_first(self) -> None:
        """Select the dataset at the top."""
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
        self.sessions_selected.emit(self.selected_sessions())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()

    @Slot()
    def _show_columns(self) -> None:
        """Show the columns that fit beside the names: the ones further right go first."""
        self.horizontalHeader().resizeSections()  # by itself it does not when rows are added
        letters, across = self.fontMetrics(), Qt.Orientation.Horizontal
        room = self.viewport().width() - letters.horizontalAdvance(_LEAST_NAME) - _CELL
        for column in range(1, self.filter.columnCount()):
            title = str(self.filter.headerData(column, across))
            least = letters.horizontalAdvance(f"{title} ▾") + _CELL
            room -= max(self.sizeHintForColumn(column), least)
            self.setColumnHidden(column, room < 0)

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.selected_sessions():
            self.menu_requested.emit(self.viewport().mapToGlobal(place))

    @Slot()
    def _keep(self) -> None:
        self._kept = tuple(session.id for session in self.selected_sessions())

    @Slot()
    def _restore(self) -> None:
        self.select_sessions(self._kept)

    @Slot()
    def _fit(self) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 16)
        self._show_columns()
