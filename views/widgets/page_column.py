"""Two columns side by side that scroll on their own, or one under the other where it is narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

if TYPE_CHECKING:
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
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        content.setObjectName("column")
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(0, 0, 6, 0)
        self.column.setSpacing(14)
        self.setWidget(content)
        self.viewport().setAutoFillBackground(False)
        self._whole = False

    def set_whole(self, whole: bool) -> None:
        """Be as high as the content, and leave scrolling to the page."""
        self._whole = whole
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAlwaysOff if whole else policy.ScrollBarAsNeeded
        )
        self._fit()

    def _fit(self) -> None:
        content = self.widget()
        height = content.layout().totalSizeHint().height() if self._whole else 0
        self.setMinimumHeight(height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and self._whole:
            self._fit()
        return super().eventFilter(watched, event)


class TwoColumns(QScrollArea):
    """The body of a page; turns into one scrolling column below NARROW pixels."""

    def __init__(self, left: QWidget, right: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._left = left
        content = QWidget()
        content.setObjectName("column")
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, content)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(16)
        self._box.addWidget(left, _LEFT_SHARE)
        self._box.addWidget(right, _RIGHT_SHARE)
        self.setWidget(content)
        self._columns = [*left.findChildren(ScrollColumn), *right.findChildren(ScrollColumn)]
        self._columns += [part for part in (left, right) if isinstance(part, ScrollColumn)]
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
