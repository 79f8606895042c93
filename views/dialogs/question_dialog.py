"""A question with a few answers, asked without stopping the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from views.dialogs.growing import grow_to_fit
from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QShowEvent


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
        *,
        risky: bool = False,
    ) -> None:
        """``answers`` are pairs of word and label. The first is the default, unless it is
        ``risky``: it takes something away for good, and the Return key cancels instead.
        """
        super().__init__(parent)
        self.setObjectName("question")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._words: dict[QPushButton, str] = {}
        self._buttons = QDialogButtonBox()
        leading = "danger" if risky else "primary"
        for place, (word, label) in enumerate(answers):
            button = push_button(label, "" if place else leading)
            button.setObjectName(f"question.{word}")
            button.setAutoDefault(True)  # Return presses the one that has the focus
            self._buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
            button.clicked.connect(self._on_clicked)
            self._words[button] = word
        cancel = self._buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setObjectName("question.cancel")
        self._buttons.rejected.connect(self.reject)
        self._build(title, text)
        default = cancel if risky else next(iter(self._words), cancel)
        default.setDefault(True)  # a dialog takes note of it only of what it holds
        default.setFocus()

    def add(self, widget: QWidget, shown: bool = True) -> None:
        """Put something between the question and its answers."""
        self._further.addWidget(widget)
        widget.setVisible(shown)

    def refuse(self, reason: str) -> None:
        """Say why no answer can be had now; the question can only be left."""
        self.add(text_label(reason, "warning", wrap=True))
        for button in self._words:
            button.setEnabled(False)
            button.setToolTip(reason)

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
        heading.setMinimumWidth(420)  # not the dialog's own: that would let it cut its buttons
        column.addWidget(heading)
        column.addWidget(text_label(text, "", wrap=True))
        self._further = QVBoxLayout()
        self._further.setSpacing(6)
        column.addLayout(self._further)
        column.addStretch(1)  # Qt guesses the height of wrapped text, and guesses too much
        column.addSpacing(6)
        column.addWidget(self._buttons)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        grow_to_fit(self)
