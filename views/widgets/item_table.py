"""The table that the pages of runs and datasets share: sortable, rows are selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QItemSelection, QSortFilterProxyModel, Qt, Signal, Slot
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QToolTip

from models.qt.table_model import ITEM_ROLE, SORT_ROLE

if TYPE_CHECKING:
    from PySide6.QtCore import QAbstractItemModel


class ItemTable(QTableView):
    """Shows an ItemTableModel.

    Signals:
        item_selected: the selected item (payload), or None.
    """

    item_selected = Signal(object)

    def __init__(
        self,
        name: str,
        words: str,
        model: QAbstractItemModel,
        *,
        stretches: bool = True,
        proxy: QSortFilterProxyModel | None = None,
    ) -> None:
        """``stretches``: the first column takes the room that is left; ``proxy`` filters."""
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(words)
        self._proxy = proxy or QSortFilterProxyModel(self)
        self._proxy.setSourceModel(model)
        self._proxy.setSortRole(SORT_ROLE)
        self.setModel(self._proxy)
        self._setup_table(stretches=stretches)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)

    def selected_item(self) -> object:
        """The item of the selected row, or None."""
        rows = self.selectionModel().selectedRows()
        return rows[0].data(ITEM_ROLE) if rows else None

    def select_source_row(self, row: int) -> None:
        """Select a row of the model beneath."""
        source = self._proxy.sourceModel()
        index = self._proxy.mapFromSource(source.index(row, 0))
        if index.isValid():
            self.selectRow(index.row())
            self.scrollTo(index)

    def viewportEvent(self, event: QEvent) -> bool:
        """What a cell has no room for is told by its tool tip, unless it has another."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.indexAt(event.pos())
            text = str(index.data() or "")
            is_cut = self.sizeHintForIndex(index).width() > self.visualRect(index).width()
            if is_cut and not index.data(Qt.ItemDataRole.ToolTipRole):
                QToolTip.showText(event.globalPos(), text, self)
                return True
        return super().viewportEvent(event)

    @Slot(QItemSelection, QItemSelection)
    def _on_selection_changed(self, _now: QItemSelection, _before: QItemSelection) -> None:
        self.item_selected.emit(self.selected_item())

    @Slot()
    def _fit_rows(self) -> None:
        """Let the rows be as high as the letters of now need."""
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 16)

    def _setup_table(self, *, stretches: bool) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.verticalHeader().hide()
        self._fit_rows()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        name = QHeaderView.ResizeMode
        header.setSectionResizeMode(0, name.Stretch if stretches else name.Interactive)
        header.setMinimumSectionSize(60)
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
