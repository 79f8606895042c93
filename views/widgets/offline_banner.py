"""Says at the top of the page that Offline mode is on, and what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from models.qt.form_model import FormModel

_NARROW = 400
"""Pixels, for text of the normal size."""
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
        self._title = text_label("Offline mode", "heading")
        self._title.setObjectName("offline.title")
        self._is_narrow: bool | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 8, 10, 8)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._fit()
        current_theme().changed.connect(self._fit)
        self._leave.clicked.connect(self.online_requested)
        form.circumstances_changed.connect(self._show)
        self._show()

    def set_forced(self, forced: bool) -> None:
        """Offline mode was asked for when the program was started, and cannot be left here."""
        self._leave.setVisible(not forced)
        self._text.setText(f"{_SENTENCE} {_FORCED}" if forced else _SENTENCE)

    @Slot()
    def _fit(self) -> None:
        """The sentence stands beside its title, or beneath it where that would leave no room."""
        is_narrow = self.width() < _NARROW * current_theme().scale
        if is_narrow is self._is_narrow:
            return
        self._is_narrow = is_narrow
        for part in (self._title, self._text, self._leave):
            self._grid.removeWidget(part)
        self._grid.addWidget(self._title, 0, 0)
        self._grid.addWidget(self._text, *((1, 0, 1, 3) if is_narrow else (0, 1)))
        self._grid.addWidget(self._leave, 0, 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @Slot()
    def _show(self) -> None:
        self.setVisible(self._form.circumstances.offline)
