"""A ListTable in which several items may be selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView

from models.qt.table_model import ITEM_ROLE
from views.widgets.list_table import Filter, ListTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtCore import QAbstractItemModel


class SeveralTable(ListTable[Filter], Generic[Filter]):
    """Shows items with an ``id`` through a filter. What is selected stays so when the list is read
    anew.

    Signals:
        items_selected: the selected items (a tuple), in the table's order.
    """

    items_selected = Signal(object)

    def __init__(
        self,
        name: str,
        words: str,
        model: QAbstractItemModel,
        proxy: Filter,
        *,
        stretches: bool = True,
    ) -> None:
        super().__init__(name, words, model, proxy, stretches=stretches)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._kept: tuple[object, ...] = ()
        model.modelAboutToBeReset.connect(self._keep)
        model.modelReset.connect(self._restore)

    def selected_items(self) -> tuple[Any, ...]:
        """The selected items, from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
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

    @Slot(object, object)
    def _on_selection_changed(self, now: QItemSelection, before: QItemSelection) -> None:
        super()._on_selection_changed(now, before)
        self.items_selected.emit(self.selected_items())

    @Slot()
    def _keep(self) -> None:
        self._kept = tuple(item.id for item in self.selected_items())

    @Slot()
    def _restore(self) -> None:
        self.select_items(self._kept)
