"""Colours and strokes that tell the curves of compared runs apart, also for the colour-blind."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from views.theme import current_theme

MOST = 8
"""More curves than this nobody tells apart."""
_SOLID = 4
"""So many colours differ enough for every eye; those after them have dashes, too."""
_RATIO = 3


def color_of(place: int) -> str:
    """The colour of the run at a place, from 0 on."""
    return str(getattr(current_theme().tokens, f"run_{place % MOST + 1}"))


def stroke_of(place: int) -> Qt.PenStyle:
    """The stroke of the run at a place."""
    return Qt.PenStyle.SolidLine if place % MOST < _SOLID else Qt.PenStyle.DashLine


def sample_icon(place: int) -> QIcon:
    """A short piece of the run's curve for a heading, where icons have 16 pixels."""
    return QIcon(_piece(place, width=16, height=16, length=13, thickness=2.6))


def sample(place: int) -> QPixmap:
    """A short piece of the run's curve, for a legend."""
    scale = current_theme().scale
    length, height = round(20 * scale), round(10 * scale)
    return _piece(place, length, height, length, 2.6 * scale)


def _piece(place: int, width: int, height: int, length: int, thickness: float) -> QPixmap:
    """Drawn large, so that it is sharp on every screen."""
    pixmap = QPixmap(width * _RATIO, height * _RATIO)
    pixmap.fill(Qt.GlobalColor.transparent)
    pen = QPen(QColor(color_of(place)), thickness * _RATIO)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if stroke_of(place) is Qt.PenStyle.DashLine:
        pen.setDashPattern([2.0, 1.0])
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(pen)
    middle = QRectF(pixmap.rect()).center().y()
    painter.drawLine(0, round(middle), length * _RATIO, round(middle))
    painter.end()
    pixmap.setDevicePixelRatio(_RATIO)
    return pixmap
