"""Notes that are edited where they stand and kept without being asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QPlainTextEdit

from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QHideEvent, QResizeEvent

_PAUSE_MS = 1_500
"""After so long without a key what was typed is kept: a crash costs no more than that."""
_LEAST_LINES, _MOST_LINES = 2, 8
_FRAME = 28
"""Pixels of border, padding and the document's own margin."""


class NotesField(QPlainTextEdit):
    """Grows with its text. Reports it on a pause, when it is left, and when it is hidden.

    Signals:
        notes_edited: the text, where it is another than was reported or shown.
    """

    notes_edited = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._kept = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.finish)
        self.setTabChangesFocus(True)
        self.setPlaceholderText("What was tried, and what came of it")
        self.textChanged.connect(self._on_text_changed)
        current_theme().changed.connect(self._fit)
        self._fit()

    @property
    def is_edited(self) -> bool:
        """Whether there is something that was not reported yet."""
        return self.toPlainText() != self._kept

    def show_notes(self, notes: str) -> None:
        """Show these notes; what was typed before must have been taken with :meth:`finish`."""
        self._pause.stop()
        self._kept = notes
        if self.toPlainText() != notes:
            self.setPlainText(notes)

    @Slot()
    def finish(self) -> None:
        """Report what was typed, if it is something else."""
        self._pause.stop()
        if self.is_edited:
            self._kept = self.toPlainText()
            self.notes_edited.emit(self._kept)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.finish()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.finish()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @Slot()
    def _on_text_changed(self) -> None:
        self._fit()
        if self.is_edited:
            self._pause.start()

    @Slot()
    def _fit(self) -> None:
        lines = round(self.document().size().height())  # of a plain text it counts lines
        shown = max(_LEAST_LINES, min(lines, _MOST_LINES))
        self.setFixedHeight(shown * self.fontMetrics().lineSpacing() + _FRAME)
