"""A question with a few answers, asked without stopping the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from views.widgets.card import text_label

if TYPE_CHECKING:
    from collections.abc import Sequence


class QuestionDialog(QDialog):
    """Shows a question; the answer is the word given with the button.

    Signals:
        answered: the answer's word; nothing is emitted when the question is cancelled.
    """

    answered = Signal(str)

    def __init__(
        self,
        title: str,
        text: str,
        answers: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        """``answers`` are pairs of word and label; the first is the default."""
        super().__init__(parent)
        self.setObjectName("question")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._words: dict[QPushButton, str] = {}
        self._buttons = QDialogButtonBox()
        for place, (word, label) in enumerate(answers):
            button = self._buttons.addButton(label, QDialogButtonBox.ButtonRole.ActionRole)
            button.setObjectName(f"question.{word}")
            button.setDefault(place == 0)
            if place == 0:
                button.setProperty("role", "primary")
            button.clicked.connect(self._on_clicked)
            self._words[button] = word
        self._buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self._buttons.rejected.connect(self.reject)
        self._build(title, text)

    @Slot()
    def _on_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, QPushButton):
            self.accept()
            self.answered.emit(self._words[sender])

    def _build(self, title: str, text: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        heading = text_label(title, "heading", wrap=True)
        column.addWidget(heading)
        column.addWidget(text_label(text, "", wrap=True))
        column.addSpacing(6)
        column.addWidget(self._buttons)
        self.setMinimumWidth(460)
