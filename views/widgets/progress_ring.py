"""A small ring that turns while something is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QPaintEvent, QShowEvent

_SIDE = 20
_LINE = 2.6
_TURN_MS = 40
_TURN_DEGREES = 14
_ARC_DEGREES = 100
_PARTS_OF_DEGREE = 16
"""What Qt counts angles in."""


class ProgressRing(QWidget):
    """Turns as long as it is shown, and keeps its place while it is not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._angle = 90
        self._timer = QTimer(self)
        self._timer.setInterval(_TURN_MS)
        self._timer.timeout.connect(self._turn)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.setFixedSize(_SIDE, _SIDE)

    @property
    def is_turning(self) -> bool:
        """Whether it moves."""
        return self._timer.isActive()

    @Slot()
    def _turn(self) -> None:
        self._angle = (self._angle - _TURN_DEGREES) % 360
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(_SIDE, _SIDE)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_theme().tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inset = _LINE / 2 + 0.5
        circle = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        for color, start, length in (
            (tokens.border, 0, 360),
            (tokens.accent_text, self._angle, _ARC_DEGREES),
        ):
            pen = QPen(QColor(color), _LINE)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawArc(circle, start * _PARTS_OF_DEGREE, length * _PARTS_OF_DEGREE)
        painter.end()
