"""Measures the first frame: when it was on the screen, and what had been imported by then."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

START_VARIABLE = "TEMPER_STARTED_AT"
"""Seconds of ``time.time()`` just before the process was started, by whoever measures it."""


class FirstFrame(QObject):
    """Watches a window until it has been painted once.

    Signals:
        painted: the first frame is complete.
    """

    painted = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.time = 0.0
        self.modules: tuple[str, ...] = ()
        window.installEventFilter(self)

    def milliseconds(self) -> float:
        """From the process's start to the first frame."""
        return (self.time - process_start()) * 1000

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Paint:
            self._window.removeEventFilter(self)
            # Children are painted within the same event: the turn after it, all of it is there.
            QTimer.singleShot(0, self._on_painted)
        return super().eventFilter(watched, event)

    @Slot()
    def _on_painted(self) -> None:
        self.time = time.time()
        self.modules = tuple(sys.modules)
        self.painted.emit()


def process_start() -> float:
    """When this process began, in seconds since the epoch; to 10 ms unless it was told."""
    told = os.environ.get(START_VARIABLE)
    if told:
        return float(told)
    if hasattr(time, "CLOCK_BOOTTIME"):
        # psutil reckons from the boot time, which the kernel tells in whole seconds only.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.time() - age
    import psutil  # after the first frame

    return float(psutil.Process().create_time())
