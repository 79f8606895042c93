"""Two columns side by side that scroll on their own, or one under the other where it is narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from views.widgets.card import NO_FOCUS, SCROLL_BAR_AS_NEEDED, SCROLL_BAR_OFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

NARROW = 820
_LEFT_SHARE, _RIGHT_SHARE = 41, 59
_LEFT_MOST = 560


class ScrollColumn(QScrollArea):
    """A column of cards that scrolls vertically."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setProperty("horizontalScrollBarPolicy", SCROLL_BAR_OFF)
        self.setProperty("focusPolicy", NO_FOCUS)
        content = QWidget()
        content.setObjectName("column")
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(0, 0, 6, 0)
        self.column.setSpacing(14)
        self.setWidget(content)
        self._watch: _LayoutWatch | None = None

    def set_whole(self, whole: bool) -> None:
        """Be as high as the content, and leave scrolling to the page."""
        policy = SCROLL_BAR_OFF if whole else SCROLL_BAR_AS_NEEDED
        self.setProperty("verticalScrollBarPolicy", policy)
        if self._watch is not None:
            self.widget().removeEventFilter(self._watch)
            self._watch = None
        if whole:
            self._watch = _LayoutWatch(self)
            self.widget().installEventFilter(self._watch)
            self._watch.fit()
        else:
            self.setMinimumHeight(0)


class _LayoutWatch(QObject):
    """Keeps a column as high as its content; installed only while the page is narrow."""

    def __init__(self, column: ScrollColumn) -> None:
        super().__init__(column)
        self._column = column

    def fit(self) -> None:
        """Take the content's height."""
        layout = self._column.column
        width = max(1, self._column.viewport().width())
        height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
        self._column.setMinimumHeight(max(height, layout.totalMinimumSize().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.LayoutRequest, QEvent.Type.Resize}:
            self.fit()
        return super().eventFilter(watched, event)


class TwoColumns(QScrollArea):
    """The body of a page; turns into one scrolling column below NARROW pixels."""

    def __init__(
        self,
        left: QWidget,
        right: QWidget,
        columns: Sequence[ScrollColumn],
        parent: QWidget | None = None,
    ) -> None:
        """``columns`` are the parts of both that scroll on their own while there is room."""
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setProperty("horizontalScrollBarPolicy", SCROLL_BAR_OFF)
        self.setProperty("focusPolicy", NO_FOCUS)
        self._left = left
        content = QWidget()
        content.setObjectName("column")
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, content)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(16)
        self._box.addWidget(left, _LEFT_SHARE)
        self._box.addWidget(right, _RIGHT_SHARE)
        self.setWidget(content)
        self._columns = tuple(columns)
        self._narrow = False
        left.setMaximumWidth(_LEFT_MOST)

    @property
    def is_narrow(self) -> bool:
        """Whether the columns lie one under the other."""
        return self._narrow

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        if narrow == self._narrow:
            return
        self._narrow = narrow
        direction = QBoxLayout.Direction
        self._box.setDirection(direction.TopToBottom if narrow else direction.LeftToRight)
        self._left.setMaximumWidth(16_777_215 if narrow else _LEFT_MOST)
        for column in self._columns:
            column.set_whole(narrow)
