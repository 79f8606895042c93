"""Which datasets the table shows: those with all the words that are searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel

from models.qt.datasets_model import matches
from models.qt.table_model import ITEM_ROLE, SORT_ROLE

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

_ROWS = QSortFilterProxyModel.Direction.Rows


class DatasetsFilter(QSortFilterProxyModel):
    """Datasets, sorted and filtered by words of their name, source, format or licence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._words = ""

    @property
    def is_filtering(self) -> bool:
        """Whether the user asked for less than all."""
        return bool(self._words)

    def set_text(self, text: str) -> None:
        """Show datasets that have all of these words."""
        self.beginFilterChange()
        self._words = text.strip()
        self.endFilterChange(_ROWS)

    def filterAcceptsRow(self, row: int, parent: QModelIndex | QPersistentModelIndex) -> bool:
        session = self.sourceModel().index(row, 0, parent).data(ITEM_ROLE)
        return session is not None and matches(session, self._words)
