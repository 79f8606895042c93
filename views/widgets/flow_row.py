"""A row of buttons that goes on in another row where it is too narrow."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowRow(QLayout):
    """From left to right at their own sizes; hidden ones take no room."""

    def __init__(self, parent: QWidget | None = None, spacing: int = 8) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._spring = -1
        self._growing: QLayoutItem | None = None
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(spacing)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def add_spring(self) -> None:
        """What comes after it stands at the right, as long as everything is in one row."""
        self._spring = len(self._items)

    def add_growing(self, widget: QWidget) -> None:
        """Add one that takes what is left of its row, as a line to type in does."""
        self.addWidget(widget)
        self._growing = self._items[-1]

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), place=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, place=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        size = QSize(0, 0)
        for item in self._shown():
            size = size.expandedTo(item.minimumSize())
        return size.grownBy(self.contentsMargins())

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _arrange(self, rect: QRect, *, place: bool) -> int:
        """The height that is needed; with ``place`` the items go to their places."""
        margins = self.contentsMargins()
        rect = rect.marginsRemoved(margins)
        rows, y = self._rows(rect.width()), rect.y()
        for row in rows:
            height = max(item.sizeHint().height() for item in row)
            if place:
                spring = self._spring if len(rows) == 1 else -1
                self._place(row, QRect(rect.x(), y, rect.width(), height), spring)
            y += height + self.spacing()
        return max(0, y - rect.y() - self.spacing()) + margins.top() + margins.bottom()

    def _rows(self, width: int) -> list[list[QLayoutItem]]:
        rows: list[list[QLayoutItem]] = []
        left = 0
        for item in self._shown():
            needed = item.sizeHint().width()
            if not rows or needed > left:
                rows.append([])
                left = width
            rows[-1].append(item)
            left -= needed + self.spacing()
        return rows

    def _place(self, row: list[QLayoutItem], rect: QRect, spring: int) -> None:
        gaps = self.spacing() * (len(row) - 1)
        x, free = rect.x(), rect.width() - gaps - sum(one.sizeHint().width() for one in row)
        after = self._items[spring:] if spring >= 0 else []
        for item in row:
            size = item.sizeHint()
            if item in after:
                x, free, after = x + max(0, free), 0, []
            width = size.width()
            if item is self._growing:
                width, free = width + max(0, free), 0
            top = rect.y() + (rect.height() - size.height()) // 2
            place = QSize(min(width, rect.width()), size.height())
            item.setGeometry(QRect(QPoint(x, top), place))
            x += width + self.spacing()
