"""The ItemTable of a page: filtered, keys do what the menu does, and the columns that fit show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView

from models.qt.table_model import ITEM_ROLE
from views.theme import current_theme
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from PySide6.QtCore import QAbstractItemModel, QSortFilterProxyModel
    from PySide6.QtGui import QKeyEvent, QResizeEvent

CELL = 26
"""Pixels left and right of a cell's text."""
Filter = TypeVar("Filter", bound="QSortFilterProxyModel")


class ListTable(ItemTable, Generic[Filter]):
    """Shows items through a filter. Columns that do not fit beside the names are hidden; names get
    at least as much room as ``LEAST_NAME`` takes.

    Signals:
        delete_requested: the Delete key.
        menu_requested: the place (global) where a context menu is wanted.
    """

    LEAST_NAME = ""

    delete_requested = Signal()
    menu_requested = Signal(object)

    def __init__(
        self,
        name: str,
        words: str,
        model: QAbstractItemModel,
        proxy: Filter,
        *,
        stretches: bool = True,
    ) -> None:
        self.filter = proxy
        super().__init__(name, words, model, stretches=stretches, proxy=proxy)
        self.filter.setParent(self)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        for signal in (model.modelReset, model.rowsInserted, model.dataChanged):
            signal.connect(self._on_items)
        current_theme().changed.connect(self._on_theme)

    def shown_items(self) -> tuple[Any, ...]:
        """What the table shows now, from top to bottom."""
        rows = range(self.filter.rowCount())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and not event.modifiers():
            self.delete_requested.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()
        self._keep_in_sight(event.oldSize().height())

    def _keep_in_sight(self, height_before: int) -> None:
        """The selected row stays in sight when something above or below takes room."""
        rows = self.selectionModel().selectedRows()
        if rows and 0 <= self.visualRect(rows[0]).top() < height_before:
            self.scrollTo(rows[0])

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.selectionModel().hasSelection():
            self.menu_requested.emit(self.viewport().mapToGlobal(place))

    # Slots that no subclass overrides: PySide still calls one that was overridden for a table that
    # is deleted.
    @Slot()
    def _on_items(self) -> None:
        self._show_columns()

    @Slot()
    def _on_theme(self) -> None:
        self._fit()

    def _show_columns(self) -> None:
        """Show the columns that fit beside the names: the ones further right go first."""
        self.horizontalHeader().resizeSections()  # by itself it does not when rows are added
        letters, across = self.fontMetrics(), Qt.Orientation.Horizontal
        room = self.viewport().width() - letters.horizontalAdvance(self.LEAST_NAME) - CELL
        for column in range(1, self.filter.columnCount()):
            title = str(self.filter.headerData(column, across))
            least = letters.horizontalAdvance(f"{title} ▾") + CELL
            room -= max(self.sizeHintForColumn(column), least)
            self.setColumnHidden(column, room < 0)

    def _fit(self) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._fit_rows()
        self._show_columns()
