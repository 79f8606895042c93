"""A label that gives way: what does not fit its width is cut, and told by the tooltip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from views.widgets.card import PLAIN_TEXT

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


class ElidedLabel(QLabel):
    """One line of plain text that takes what width is left; ``text()`` is always all of it."""

    def __init__(
        self, role: str = "", parent: QWidget | None = None, *, keeps_end: bool = False
    ) -> None:
        """``keeps_end``: what matters most stands at the end, so the beginning is cut."""
        super().__init__(parent)
        self._keeps_end = keeps_end
        self.setProperty("textFormat", PLAIN_TEXT)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def shown_text(self) -> str:
        """What of the text is seen."""
        from PySide6.QtCore import Qt  # see card.PLAIN_TEXT

        mode = Qt.TextElideMode.ElideLeft if self._keeps_end else Qt.TextElideMode.ElideRight
        return self.fontMetrics().elidedText(self.text(), mode, self.contentsRect().width())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        room = self.contentsRect().width()
        if self.fontMetrics().horizontalAdvance(self.text()) <= room:
            super().paintEvent(event)  # as quick as any label; see card.PLAIN_TEXT
            return
        from PySide6.QtGui import QPainter  # not in the first frame, like the rest of this

        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), self.alignment(), self.shown_text)
        painter.end()

    def event(self, event: QEvent) -> bool:
        is_cut = event.type() == QEvent.Type.ToolTip and self.shown_text != self.text()
        if is_cut and not self.toolTip():
            from PySide6.QtWidgets import QToolTip  # seldom shown

            QToolTip.showText(self.cursor().pos(), self.text(), self)
            return True
        return super().event(event)
