"""Carries what a pull or build reports from its lane to the window's thread, ten times a second."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

if TYPE_CHECKING:
    from models.domain.docker import ImageProgress

_FLUSH_MS = 100


class ImageRelay(QObject):
    """A registry reports each piece of each layer, hundreds a second: the newest report counts.
    Of a build's lines none is left out.

    Signals:
        reported: the newest ImageProgress (payload), and all new lines (a tuple, payload).
    """

    reported = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._newest: ImageProgress | None = None
        self._lines: list[str] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_FLUSH_MS)
        self._timer.timeout.connect(self.flush)

    def start(self) -> None:
        """Something begins to report."""
        self._timer.start()

    def report(self, progress: ImageProgress) -> None:
        """Take a report; may be called from any thread."""
        with self._lock:
            self._newest = progress
            if progress.line:
                self._lines.append(progress.line)

    @Slot()
    def flush(self) -> None:
        """Pass on what has come since the last time."""
        with self._lock:
            newest, self._newest = self._newest, None
            lines, self._lines = self._lines, []
        if newest is not None:
            self.reported.emit(newest, tuple(lines))

    def stop(self) -> None:
        """It has ended; what it said last is passed on."""
        self._timer.stop()
        self.flush()
