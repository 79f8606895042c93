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


class ModelDelegate(QStyledItemDelegate):
    """Two lines an entry."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        size = super().sizeHint(option, index)
        size.setHeight(2 * option.fontMetrics.height() + 12)
        return size

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        self.initStyleOption(option, index)
        option.text = ""
        style = QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter)
        tokens = current_theme().tokens
        rect: QRect = option.rect.adjusted(10, 5, -10, -5)
        half = rect.height() // 2
        painter.save()
        painter.setPen(QColor(tokens.text))
        upper, lower = rect.adjusted(0, 0, 0, -half), rect.adjusted(0, half, 0, 0)
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, str(index.data(LABEL_ROLE)))
        painter.setPen(QColor(tokens.muted))
        painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter, str(index.data()))
        painter.restore()
