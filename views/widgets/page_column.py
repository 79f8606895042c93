"""Two columns side by side that scroll on their own, or one under the other where it is narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Slot
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from views.theme import current_theme
from views.widgets.card import NO_FOCUS, SCROLL_BAR_AS_NEEDED, SCROLL_BAR_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PySide6.QtGui import QResizeEvent

NARROW = 920
_UNLIMITED = 16_777_215
_CLEARANCE = 60
"""Pixels around what is scrolled into view: its label and what stands beneath belong to it."""
_PASSES = 8
"""A layout asks the one around it: line, field, grid, card, stack, column, page. Mostly 3 do."""


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
        self._content = content
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(0, 0, 6, 0)
        self.column.setSpacing(14)
        self.setWidget(content)
        self._watch: _LayoutWatch | None = None
        self._least = 0

    def set_whole(self, whole: bool) -> None:
        """Be as high and at least as wide as the content, and leave scrolling to the page."""
        policy = SCROLL_BAR_OFF if whole else SCROLL_BAR_AS_NEEDED
        self.setProperty("verticalScrollBarPolicy", policy)
        if self._watch is not None:
            self._content.removeEventFilter(self._watch)
            self._watch.deleteLater()
            self._watch = None
        if whole:
            self._least = self.minimumWidth()
            self._watch = _LayoutWatch(self)
            self._content.installEventFilter(self._watch)
            self._watch.fit()
        else:
            self.setMinimumSize(self._least, 0)


class _LayoutWatch(QObject):
    """Keeps a column as large as its content; installed only while the page is narrow."""

    def __init__(self, column: ScrollColumn) -> None:
        super().__init__(column)
        self._column = column

    def fit(self) -> None:
        """Take the content's height."""
        layout = self._column.column
        width = max(1, self._column.viewport().width())
        height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
        least = layout.totalMinimumSize()
        self._column.setMinimumSize(least.width(), max(height, least.height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() in {QEvent.Type.LayoutRequest, QEvent.Type.Resize}:
            self.fit()
        return super().eventFilter(watched, event)


def scroll_areas(widget: QWidget) -> Iterator[QScrollArea]:
    """What scrolls a widget, from the innermost: a column, and the page that is one column."""
    area: QWidget | None = widget
    while area is not None:
        if isinstance(area, QScrollArea):
            yield area
        area = area.parentWidget()


def settle_layouts() -> None:
    """Let all layouts that have been asked for take place now."""
    for _ in range(_PASSES):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)


def reveal(widget: QWidget) -> None:
    """Scroll until a widget is seen, though it may only just have been shown."""
    settle_layouts()
    for area in scroll_areas(widget):
        area.ensureWidgetVisible(widget, 0, _CLEARANCE)


class TwoColumns(QScrollArea):
    """The body of a page; one scrolling column where the window is narrower than NARROW, which is
    for text of the normal size: larger text wants more room.
    """

    def __init__(
        self,
        left: QWidget,
        right: QWidget,
        columns: Sequence[ScrollColumn],
        left_share: int = 41,
        left_most: int = 560,
        narrow: int = NARROW,
    ) -> None:
        """``columns`` are the parts of both that scroll on their own while there is room;
        the left one gets ``left_share`` percent of the width, but no more than ``left_most``.
        In windows of less than ``narrow`` pixels there is one column.
        """
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setProperty("horizontalScrollBarPolicy", SCROLL_BAR_OFF)
        self.setProperty("focusPolicy", NO_FOCUS)
        self._left = left
        self._left_most = left_most
        self._narrow_below = narrow
        self._content = QWidget()
        self._content.setObjectName("column")
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._content)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(16)
        self._box.addWidget(left, left_share)
        self._box.addWidget(right, 100 - left_share)
        self.setWidget(self._content)
        self._columns = tuple(columns)
        self._narrow = False
        left.setMaximumWidth(left_most)
        current_theme().changed.connect(self._fit)

    @property
    def is_narrow(self) -> bool:
        """Whether the columns lie one under the other."""
        return self._narrow

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()  # first: what follows gives the content its size within these bounds
        super().resizeEvent(event)

    @Slot()
    def _fit(self) -> None:
        # The window's width, not the own one: before the first layout that is any small number.
        narrow = self.window().width() < self._narrow_below * current_theme().scale
        # Side by side the columns scroll by themselves: the page is never higher than its view.
        self._content.setMaximumHeight(_UNLIMITED if narrow else self.height())
        if narrow != self._narrow:
            self._narrow = narrow
            self._arrange()

    def _arrange(self) -> None:
        direction = QBoxLayout.Direction
        wanted = direction.TopToBottom if self._narrow else direction.LeftToRight
        self._box.setDirection(wanted)
        self._left.setMaximumWidth(_UNLIMITED if self._narrow else self._left_most)
        # Large text in a small window: rather to be scrolled to than cut.
        policy = SCROLL_BAR_AS_NEEDED if self._narrow else SCROLL_BAR_OFF
        self.setProperty("horizontalScrollBarPolicy", policy)
        for column in self._columns:
            column.set_whole(self._narrow)
