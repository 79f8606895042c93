"""The rows of a dataset, fetched a page at a time as the table is scrolled."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.domain.dataset import DatasetSession

PAGE = 100
_KEPT_PAGES = 40
_CELL_CHARACTERS = 300
_TOOLTIP_CHARACTERS = 2_000
FULL_ROLE = Qt.ItemDataRole.UserRole
_Index = QModelIndex | QPersistentModelIndex


class _Row:
    """One row: its values, and each as one short line."""

    __slots__ = ("short", "values")

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values
        self.short = {name: _short_text(value) for name, value in values.items()}


class DatasetRowsModel(QAbstractTableModel):
    """A window onto a file of any length.

    Signals:
        page_wanted: dataset id, first row and number of rows to hand to :meth:`set_page`.
    """

    page_wanted = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session: DatasetSession | None = None
        self._columns: tuple[str, ...] = ()
        self._pages: OrderedDict[int, list[_Row]] = OrderedDict()
        self._asked: set[int] = set()

    @property
    def session(self) -> DatasetSession | None:
        """The dataset that is shown."""
        return self._session

    def show_session(self, session: DatasetSession | None) -> None:
        """Show another dataset, or none."""
        self.beginResetModel()
        self._session = session
        self._columns = ()
        self._pages.clear()
        self._asked.clear()
        self.endResetModel()
        if session is not None:
            self._want(0)

    def set_page(self, session_id: int, start: int, rows: Sequence[Mapping[str, object]]) -> None:
        """Take the rows that were asked for; those of a dataset no longer shown are dropped."""
        if self._session is None or session_id != self._session.id:
            return
        page = start // PAGE
        self._asked.discard(page)
        self._pages[page] = [_Row(row) for row in rows]
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)
        self._take_columns(rows)
        if self._columns and rows:
            first = self.index(start, 0)
            self.dataChanged.emit(first, self.index(start + len(rows) - 1, len(self._columns) - 1))

    def has_row(self, number: int) -> bool:
        """Whether a row (from 0) has been read, or is none of this dataset."""
        page = self._pages.get(number // PAGE)
        return page is not None or number >= self.rowCount()

    def column_with(self, number: int, text: str, otherwise: int) -> int:
        """The column in which a row that has been read has this text, whatever its case."""
        page = self._pages.get(number // PAGE, [])
        place, wanted = number % PAGE, text.casefold()
        values = page[place].values if place < len(page) else {}
        for column, name in enumerate(self._columns):
            if name in values and wanted in full_text(values[name]).casefold():
                return column
        return otherwise

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        if parent.isValid() or self._session is None or not self._columns:
            return 0
        return self._session.rows

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Vertical:
            return f"{section + 1:,}"
        return self._columns[section] if section < len(self._columns) else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        wanted = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, FULL_ROLE)
        if role not in wanted or not index.isValid():
            return None
        row = self._row(index.row())
        if row is None:
            return "…"
        name = self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.short.get(name, "")
        text = full_text(row.values.get(name, ""))
        return text if role == FULL_ROLE else text[:_TOOLTIP_CHARACTERS]

    def _row(self, number: int) -> _Row | None:
        page = self._pages.get(number // PAGE)
        if page is None:
            self._want(number // PAGE)
            return None
        place = number % PAGE
        return page[place] if place < len(page) else None

    def _want(self, page: int) -> None:
        if self._session is not None and page not in self._asked:
            self._asked.add(page)
            self.page_wanted.emit(self._session.id, page * PAGE, PAGE)

    def _take_columns(self, rows: Sequence[Mapping[str, object]]) -> None:
        names = dict.fromkeys(name for row in rows for name in row)
        new = tuple(name for name in names if name not in self._columns)
        if not new:
            return
        if self._columns:  # rows further down may have what the first ones had not
            last = len(self._columns) + len(new) - 1
            self.beginInsertColumns(QModelIndex(), len(self._columns), last)
            self._columns += new
            self.endInsertColumns()
        else:
            self.beginResetModel()
            self._columns = new
            self.endResetModel()


def full_text(value: object) -> str:
    """A cell to read: a conversation turn by turn, other structures as JSON."""
    turns = _turns(value)
    if turns:
        return "\n\n".join(f"{role}:\n{content}" for role, content in turns)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _short_text(value: object) -> str:
    turns = _turns(value)
    if turns:
        text = " · ".join(f"{role}: {content}" for role, content in turns)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text[:_CELL_CHARACTERS].split()) + (
        " …" if len(text) > _CELL_CHARACTERS else ""
    )


def _turns(value: object) -> list[tuple[str, str]]:
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        return []
    roles = [
        (turn.get("role", turn.get("from")), turn.get("content", turn.get("value")))
        for turn in value
    ]
    spoken = [
        (role, text) for role, text in roles if isinstance(role, str) and isinstance(text, str)
    ]
    return spoken if len(spoken) == len(value) else []
