"""A cell whose words have a small mark in the colour of how things stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from models.qt.runs_model import TONE_ROLE
from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex

_MARK = 9
"""Pixels of the mark beside text of the normal size."""


class ToneDelegate(QStyledItemDelegate):
    """Puts the mark of the item's TONE_ROLE before its text. The words say the same."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._marks: dict[str, QIcon] = {}
        current_theme().changed.connect(self._on_theme_changed)

    def initStyleOption(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        tone = str(index.data(TONE_ROLE) or "quiet")
        if tone not in self._marks:
            self._marks[tone] = _mark(tone)
        option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
        option.icon = self._marks[tone]
        side = round(_MARK * current_theme().scale)
        option.decorationSize = QSize(side, side)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._marks.clear()


def _mark(tone: str) -> QIcon:
    tokens = current_theme().tokens
    colors = {"good": tokens.good, "bad": tokens.bad, "live": tokens.accent}
    side = round(_MARK * current_theme().scale)
    ratio = 3  # sharp on every screen
    pixmap = QPixmap(side * ratio, side * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colors.get(tone, tokens.disabled)))
    painter.drawEllipse(QRectF(pixmap.rect()).adjusted(ratio, ratio, -ratio, -ratio))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it
    return icon
