"""What a place shows while it has nothing: one sentence and what to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from views.widgets.buttons import push_button
from views.widgets.card import text_label


class EmptyState(QWidget):
    """A centred sentence with its actions beneath."""

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = text_label(sentence, "muted", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._buttons.addStretch(1)
        self._buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addLayout(self._buttons)
        column.addStretch(1)

    def add_button(self, text: str, role: str = "") -> QPushButton:
        """Add an action; the first should be the likeliest."""
        button = push_button(text, role)
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button
