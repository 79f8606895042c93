"""Shown while runs are stopped before the window closes: what they do, and the ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from models.qt.closing_words import stopping_text, stopping_title
from models.qt.wording import duration
from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run import Run

_NOTE = (
    "The window closes by itself when the checkpoint is saved. A run that is ended now loses what "
    "it did since its last checkpoint."
)
_PATIENCE_SECONDS = 3
"""Sooner, nobody wonders how long it takes."""


class StoppingDialog(QDialog):
    """Closes by :meth:`done_waiting`; rejected, the window stays and the run stops all the same.

    Signals:
        end_now_requested: end the runs at once.
    """

    end_now_requested = Signal()

    def __init__(self, runs: Sequence[Run], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("stopping")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._heading = text_label("", "heading", wrap=True)
        self._heading.setMinimumWidth(420)
        self._doing = text_label("", "", wrap=True)
        self._doing.setObjectName("stopping.text")
        self._bar = QProgressBar()
        self._bar.setObjectName("stopping.progress")
        self._bar.setRange(0, 0)  # how long saving takes is not known
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Stopping")
        self._end = push_button("End now", "danger")
        self._end.setObjectName("stopping.end_now")
        self._stay = push_button("Stay open")
        self._stay.setObjectName("stopping.stay")
        self._stay.setToolTip("The run stops, and the window stays")
        self._words = ""
        self._clock = QElapsedTimer()
        self._clock.start()
        self._ticks = QTimer(self)
        self._ticks.setInterval(1000)
        self._ticks.timeout.connect(self._show_words)
        self._ticks.start()
        self._build()
        self.show_runs(runs)

    @Slot(object)
    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show what these runs do now."""
        title = stopping_title(runs)
        self.setWindowTitle(title)
        self._heading.setText(title)
        if self._end.isEnabled():  # else it was told what comes now
            self._words = stopping_text(runs)
        self._show_words()

    @Slot()
    def done_waiting(self) -> None:
        """Nothing is waited for any more."""
        self.accept()

    def _build(self) -> None:
        buttons = QDialogButtonBox()
        for button in (self._end, self._stay):
            button.setAutoDefault(True)
        buttons.addButton(self._end, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self._stay, QDialogButtonBox.ButtonRole.RejectRole)
        self._end.clicked.connect(self._on_end)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self._heading)
        column.addWidget(self._doing)
        column.addWidget(self._bar)
        column.addWidget(text_label(_NOTE, "muted", wrap=True))
        column.addSpacing(6)
        column.addWidget(buttons)
        self._stay.setDefault(True)
        self._stay.setFocus()

    @Slot()
    def _show_words(self) -> None:
        seconds = self._clock.elapsed() / 1000
        since = f" ({duration(seconds)})" if seconds >= _PATIENCE_SECONDS else ""
        self._doing.setText(f"{self._words}{since}")

    @Slot()
    def _on_end(self) -> None:
        self._end.setEnabled(False)
        self._words = "Ending it now…"
        self._stay.setFocus()
        self._show_words()
        self.end_now_requested.emit()
