"""Draws an entry of the list of base models: its name, and its repo id beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtCore import QSize

LABEL_ROLE = Qt.ItemDataRole.UserRole + 1
_Index = QModelIndex | QPersistentModelIndex


_ASIDE, _ABOVE = 10, 5
"""Pixels beside and above an entry's two lines."""


class ModelDelegate(QStyledItemDelegate):
    """Two lines an entry."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        size, letters = super().sizeHint(option, index), option.fontMetrics
        size.setHeight(2 * letters.height() + 12)
        size.setWidth(max(letters.horizontalAdvance(line) for line in _lines(index)) + 2 * _ASIDE)
        return size

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        self.initStyleOption(option, index)
        option.text = ""
        style = QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter)
        tokens = current_theme().tokens
        rect: QRect = option.rect.adjusted(_ASIDE, _ABOVE, -_ASIDE, -_ABOVE)
        half = rect.height() // 2
        painter.save()
        places = rect.adjusted(0, 0, 0, -half), rect.adjusted(0, half, 0, 0)
        for place, line, color in zip(
            places, _lines(index), (tokens.text, tokens.muted), strict=True
        ):
            shown = option.fontMetrics.elidedText(line, Qt.TextElideMode.ElideRight, place.width())
            painter.setPen(QColor(color))
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


def _lines(index: _Index) -> tuple[str, str]:
    return str(index.data(LABEL_ROLE)), str(index.data())
