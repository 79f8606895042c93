"""The painted part of the memory bar: stacked parts on a track, and their legend."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QHelpEvent, QPainter, QPainterPath
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from models.qt.wording import memory
from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_TRACK_HEIGHT = 12
_USUAL_WIDTH = 360
_RADIUS = 4.0
_DOT = 8.0
_DOT_GAP = 6.0
_COLUMN_GAP = 14.0
_ROW_GAP = 2.0
_SMALL = 0.92
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


@dataclass(frozen=True, slots=True)
class Piece:
    """One stacked part: its size in bytes, its colour, and what is said when one points at it.

    A piece that is ``taken`` belongs to other programs and is hatched.
    """

    label: str
    bytes: int
    color: str
    tip: str
    is_taken: bool = False


class _Pointed(QWidget):
    """A painted widget that shows the tip of the piece under the pointer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pieces: tuple[Piece, ...] = ()
        current_theme().changed.connect(self.update)

    def _rectangles(self) -> list[QRectF]:
        """Where each piece is."""
        raise NotImplementedError

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = QPointF(event.pos())
            placed = zip(self._rectangles(), self._pieces, strict=True)
            tip = next((piece.tip for area, piece in placed if area.contains(place)), "")
            if tip:
                QToolTip.showText(event.globalPos(), tip, self)
                return True
        return super().event(event)


class MemoryTrack(_Pointed):
    """The pieces from the left, on a track as long as the memory, or as what does not fit it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._capacity = 0
        self.setFixedHeight(_TRACK_HEIGHT)

    def show_pieces(self, pieces: tuple[Piece, ...], capacity: int) -> None:
        """Show these on a memory of ``capacity`` bytes; 0 where there is none to compare with."""
        if (pieces, capacity) != (self._pieces, self._capacity):
            self._pieces, self._capacity = pieces, capacity
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(_USUAL_WIDTH, _TRACK_HEIGHT)

    @property
    def limit(self) -> float | None:
        """Where the memory ends, in pixels from the left, if the pieces go beyond it."""
        stacked = sum(piece.bytes for piece in self._pieces)
        if not self._capacity or stacked <= self._capacity:
            return None
        return self.width() * self._capacity / stacked

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_theme().tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), _RADIUS, _RADIUS)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), QColor(tokens.border))
        for area, piece in zip(self._rectangles(), self._pieces, strict=True):
            painter.fillRect(area, QColor(piece.color))
            if piece.is_taken:
                painter.fillRect(area, _hatch(tokens.surface))
            painter.fillRect(QRectF(area.right() - 1, 0, 1, area.height()), QColor(tokens.surface))
        if self.limit is not None:
            beyond = QRectF(self.limit, 0, self.width() - self.limit, self.height())
            painter.fillRect(beyond, _hatch(tokens.surface))
            painter.fillRect(QRectF(self.limit - 2, 0, 5, self.height()), QColor(tokens.surface))
            painter.fillRect(QRectF(self.limit - 1, 0, 3, self.height()), QColor(tokens.bad))
        painter.end()

    def _rectangles(self) -> list[QRectF]:
        stacked = sum(piece.bytes for piece in self._pieces)
        scale = self.width() / max(stacked, self._capacity, 1)
        edges = [0.0]
        for piece in self._pieces:
            edges.append(edges[-1] + piece.bytes * scale)
        return [QRectF(left, 0, right - left, self.height()) for left, right in pairwise(edges)]


class MemoryLegend(_Pointed):
    """Each piece's colour, name and size, in as many lines as it takes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_pieces(self, pieces: tuple[Piece, ...]) -> None:
        """Show these."""
        if pieces != self._pieces:
            self._pieces = pieces
            self.updateGeometry()
            self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(max((area.bottom() for area in self._flow(width)), default=0.0))

    def sizeHint(self) -> QSize:
        return QSize(_USUAL_WIDTH, self.heightForWidth(_USUAL_WIDTH))

    def minimumSizeHint(self) -> QSize:
        areas = self._flow(0)
        widest = max((area.width() for area in areas), default=0.0)
        return QSize(round(widest), round(areas[0].height()) if areas else 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current_theme().tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._small_font())
        for area, piece in zip(self._rectangles(), self._pieces, strict=True):
            _paint_dot(painter, area, piece)
            name = f"{piece.label} "
            text = area.adjusted(_DOT + _DOT_GAP, 0, 0, 0)
            painter.setPen(QColor(tokens.muted))
            painter.drawText(text, _LEFT, name)
            text.setLeft(text.left() + QFontMetricsF(painter.font()).horizontalAdvance(name))
            painter.setPen(QColor(tokens.text))
            painter.drawText(text, _LEFT, memory(piece.bytes))
        painter.end()

    def _rectangles(self) -> list[QRectF]:
        return self._flow(self.width())

    def _flow(self, width: float) -> list[QRectF]:
        metrics = QFontMetricsF(self._small_font())
        height, left, top = metrics.height(), 0.0, 0.0
        areas: list[QRectF] = []
        for piece in self._pieces:
            text = metrics.horizontalAdvance(f"{piece.label} {memory(piece.bytes)}")
            needed = _DOT + _DOT_GAP + text + 1
            if left and left + needed > width:
                left, top = 0.0, top + height + _ROW_GAP
            areas.append(QRectF(left, top, needed, height))
            left += needed + _COLUMN_GAP
        return areas

    def _small_font(self) -> QFont:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * _SMALL)
        return font


def _paint_dot(painter: QPainter, area: QRectF, piece: Piece) -> None:
    dot = QRectF(area.left(), area.center().y() - _DOT / 2, _DOT, _DOT)
    painter.setPen(Qt.PenStyle.NoPen)
    for brush in (QBrush(QColor(piece.color)), *_hatches(piece)):
        painter.setBrush(brush)
        painter.drawRoundedRect(dot, 2, 2)


def _hatches(piece: Piece) -> tuple[QBrush, ...]:
    return (_hatch(current_theme().tokens.surface),) if piece.is_taken else ()


def _hatch(color: str) -> QBrush:
    return QBrush(QColor(color), Qt.BrushStyle.BDiagPattern)
