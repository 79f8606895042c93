"""An ItemTable in which several items may be selected, and keys do what the menu does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView

from models.qt.table_model import ITEM_ROLE
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtCore import QAbstractItemModel, QSortFilterProxyModel
    from PySide6.QtGui import QKeyEvent

CELL = 26
"""Pixels left and right of a cell's text."""
Filter = TypeVar("Filter", bound="QSortFilterProxyModel")


class SeveralTable(ItemTable, Generic[Filter]):
    """Shows items with an ``id`` through a filter. What is selected stays so when the list is read
    anew.

    Signals:
        items_selected: the selected items (a tuple), in the table's order.
        delete_requested: the Delete key.
        menu_requested: the place (global) where a context menu is wanted.
    """

    items_selected = Signal(object)
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
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self._kept: tuple[object, ...] = ()
        model.modelAboutToBeReset.connect(self._keep)
        model.modelReset.connect(self._restore)

    def selected_items(self) -> tuple[Any, ...]:
        """The selected items, from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def shown_items(self) -> tuple[Any, ...]:
        """What the table shows now, from top to bottom."""
        rows = range(self.filter.rowCount())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def select_items(self, ids: Collection[object]) -> None:
        """Select these, as far as they are shown."""
        model, flags = self.selectionModel(), QItemSelectionModel.SelectionFlag
        indexes = (self.filter.index(row, 0) for row in range(self.filter.rowCount()))
        chosen = [index for index in indexes if index.data(ITEM_ROLE).id in ids]
        if not chosen:
            return
        all_of_them = QItemSelection()
        for index in chosen:
            all_of_them.select(index, index)
        model.setCurrentIndex(chosen[0], flags.NoUpdate)
        model.select(all_of_them, flags.ClearAndSelect | flags.Rows)

    def select_first(self) -> None:
        """Select the item at the top."""
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
        self.items_selected.emit(self.selected_items())

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.selectionModel().hasSelection():
            self.menu_requested.emit(self.viewport().mapToGlobal(place))

    @Slot()
    def _keep(self) -> None:
        self._kept = tuple(item.id for item in self.selected_items())

    @Slot()
    def _restore(self) -> None:
        self.select_items(self._kept)
