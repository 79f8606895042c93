"""Keeps Python's cyclic garbage collection in the window's thread.

Python collects wherever it happens to allocate. In a lane it would destroy QObjects of the window's
thread that lie in a cycle, and with them the program (seen: "Timers cannot be stopped from another
thread", then a segmentation fault). And a QObject's destructor calls into Python while it holds one
of Qt's locks: a collection there that destroys another QObject waits for that lock for ever (seen,
with PySide6 6.11.3, QObject::~QObject twice in the stack).
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

_INTERVAL_MS = 1_000


class WindowCollector(QObject):
    """Collects on a timer what Python would have collected by itself."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.collect)

    def start(self) -> None:
        """From now on, collect here only."""
        gc.disable()
        self._timer.start()

    def settle(self) -> None:
        """The start is over: what is there now stays, and need not be looked at again."""
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        """Collect a last time. Python's own collection stays off: the program is about to end."""
        self._timer.stop()
        gc.collect()

    @Slot()
    def collect(self) -> None:
        """Collect the oldest generation that is due."""
        due = zip((0, 1, 2), gc.get_count(), gc.get_threshold(), strict=True)
        generations = [generation for generation, count, most in due if count > most > 0]
        if generations:
            gc.collect(generations[-1])
