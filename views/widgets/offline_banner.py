"""Says at the top of the page that Offline mode is on, and what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from models.qt.form_model import FormModel

_SENTENCE = (
    "Training runs on this computer only; Runpod, Hugging Face datasets and uploads are off."
)
_FORCED = "It was switched on when Temper was started."


class OfflineBanner(QFrame):
    """Shown while Offline mode is on.

    Signals:
        online_requested: leave Offline mode.
    """

    online_requested = Signal()

    def __init__(self, form: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("offline.banner")
        self.setProperty("role", "banner")
        self.setProperty("tone", "warning")
        self._form = form
        self._text = text_label(_SENTENCE, wrap=True)
        self._text.setObjectName("offline.text")
        self._leave = push_button("Go online")
        self._leave.setObjectName("offline.leave")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(12)
        row.addWidget(text_label("Offline mode", "heading"))
        row.addWidget(self._text, 1)
        row.addWidget(self._leave)
        self._leave.clicked.connect(self.online_requested)
        form.circumstances_changed.connect(self._show)
        self._show()

    def set_forced(self, forced: bool) -> None:
        """Offline mode was asked for when the program was started, and cannot be left here."""
        self._leave.setVisible(not forced)
        self._text.setText(f"{_SENTENCE} {_FORCED}" if forced else _SENTENCE)

    @Slot()
    def _show(self) -> None:
        self.setVisible(self._form.circumstances.offline)
