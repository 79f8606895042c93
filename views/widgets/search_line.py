"""A line to search a list with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent


class SearchLine(QLineEdit):
    """Escape empties it, as its button does."""

    def __init__(self, name: str, words: str, tip: str) -> None:
        """``words`` say what is searched, ``tip`` what may be typed."""
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(words)
        self.setPlaceholderText("Search (Ctrl+F)")
        self.setToolTip(tip)
        self.setClearButtonEnabled(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)
