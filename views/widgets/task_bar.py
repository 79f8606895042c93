"""Something long that the program does for the user: words, a bar and Cancel."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.fraction_bar import FractionBar


class TaskBar(QFrame):
    """A card that is there only while its task runs.

    Signals:
        cancel_requested: the user no longer wants it.
    """

    cancel_requested = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setObjectName(name)
        self._title = ElidedLabel("heading")
        self._title.setObjectName(f"{name}.title")
        self._message = text_label("", "muted", wrap=True)
        self._message.setObjectName(f"{name}.message")
        self._bar = FractionBar(f"{name}.progress")
        self._cancel = push_button("Cancel")
        self._cancel.setObjectName(f"{name}.cancel")
        self._cancel.clicked.connect(self._on_cancel)
        self._build()
        self.hide()

    @Slot(str)
    def begin(self, title: str) -> None:
        """Show a task that starts now."""
        self._title.setText(title)
        self._bar.setAccessibleName(title)
        self._cancel.setEnabled(True)
        self.show_progress(None, "")
        self.show()

    def show_progress(self, fraction: float | None, message: str) -> None:
        """Show how far it is; None moves the bar without a measure."""
        self._bar.show_fraction(fraction)
        self._message.setText(message)

    @Slot()
    def end(self) -> None:
        """The task is over, however it went."""
        self._bar.rest()
        self.hide()

    @Slot()
    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._message.setText("Cancelling…")
        self.cancel_requested.emit()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._message)
