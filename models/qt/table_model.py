"""A table of frozen values, one a row: what the lists of runs, datasets and setups share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
ITEM_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_Index = QModelIndex | QPersistentModelIndex


class Column(Generic[Item]):
    """A column: its title, its text of an item, what to sort by, and what the title means."""

    __slots__ = ("help", "is_number", "sort_key", "text", "title")

    def __init__(
        self,
        title: str,
        text: Callable[[Item], str],
        sort_key: Callable[[Item], object] | None = None,
        *,
        is_number: bool = False,
        help: str = "",
    ) -> None:
        self.title = title
        self.help = help
        self.text = text
        self.sort_key = sort_key or text
        self.is_number = is_number


class ItemTableModel(QAbstractTableModel, Generic[Item]):
    """Items by row; replaced as a whole or one at a time, each known by a key."""

    def __init__(
        self,
        columns: Sequence[Column[Item]],
        key: Callable[[Item], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._key = key
        self._items: list[Item] = []

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, in the model's own order."""
        return tuple(self._items)

    def item(self, row: int) -> Item | None:
        """The item of a row of this model."""
        return self._items[row] if 0 <= row < len(self._items) else None

    def row_of(self, key: object) -> int:
        """The row of the item with this key, or -1."""
        found = (row for row, item in enumerate(self._items) if self._key(item) == key)
        return next(found, -1)

    def find(self, key: object) -> Item | None:
        """The item with this key."""
        return self.item(self.row_of(key))

    def set_items(self, items: Sequence[Item]) -> None:
        """Show these items."""
        self.beginResetModel()
        self._items = list(items)
        self.endResetModel()

    def put(self, item: Item) -> None:
        """Replace the item of the same key, or add this one at the top."""
        row = self.row_of(self._key(item))
        if row < 0:
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._items.insert(0, item)
            self.endInsertRows()
            return
        self._items[row] = item
        last = self.index(row, len(self._columns) - 1)
        self.dataChanged.emit(self.index(row, 0), last)

    def remove(self, key: object) -> None:
        """Take the item with this key away."""
        row = self.row_of(key)
        if row >= 0:
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._items[row]
            self.endRemoveRows()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(self._columns[section])
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._columns[section].help or None
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        item = self.item(index.row())
        if item is None:
            return None
        column = self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(item)
        if role == SORT_ROLE:
            return column.sort_key(item)
        if role == ITEM_ROLE:
            return item
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None


def _alignment(column: Column[Item]) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
