"""Keeps what the user is working on where it is while something above it grows or shrinks."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from views.widgets.page_column import scroll_areas, settle_layouts


class HoldStill(QObject):
    """Call :meth:`hold` before a change; the layout follows later, and is scrolled back then."""

    _noted = Signal()

    def __init__(self, place: QWidget) -> None:
        """Only what has the focus within ``place`` is held."""
        super().__init__(place)
        self._place = place
        self._held: QWidget | None = None
        self._top = 0
        # Queued, and so between the layout and the painting: nobody sees the jump.
        self._noted.connect(self._bring_back, Qt.ConnectionType.QueuedConnection)

    @Slot()
    def hold(self) -> None:
        """Take note of where the focus is, unless that was done just now."""
        focused = QApplication.focusWidget()
        if self._held is None and focused is not None and self._place.isAncestorOf(focused):
            self._held, self._top = focused, _top(focused)
            self._noted.emit()

    @Slot()
    def _bring_back(self) -> None:
        held, self._held = self._held, None
        if held is None or not held.isVisible():
            return
        settle_layouts()
        by = _top(held) - self._top
        for area in scroll_areas(held):
            bar = area.verticalScrollBar()
            before = bar.value()
            bar.setValue(before + by)
            by -= bar.value() - before


def _top(widget: QWidget) -> int:
    return widget.mapTo(widget.window(), QPoint(0, 0)).y()
