"""The emulator's time: as fast as a test wants it, and moved on at will."""

from __future__ import annotations

import os
import struct
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHARED = struct.Struct("<3d")
"""In a shared file: the emulated moment at the kernel's zero, what was moved, and the speed."""


class Clock:
    """Seconds since 1970 that pass ``speed`` times as fast as real ones. Thread-safe."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start, self._real = time.time(), time.monotonic()
        self._moved = 0.0
        self._lock = threading.Lock()
        self._shared: Path | None = None

    def now(self) -> float:
        """The emulated moment."""
        with self._lock:
            return self._start + self._moved + (time.monotonic() - self._real) * self.speed

    def move(self, seconds: float) -> None:
        """Let so many emulated seconds pass at once."""
        with self._lock:
            self._moved += seconds
            self._tell()

    def share(self, path: Path) -> None:
        """Keep a file from which pods that are processes read this clock (``pod_site.py``)."""
        with self._lock:
            self._shared = path
            self._tell()

    def real(self, seconds: float) -> float:
        """How long emulated seconds really take."""
        return seconds / self.speed

    def sleep(self, seconds: float) -> None:
        """Wait emulated seconds: what a client on this clock waits with."""
        time.sleep(self.real(seconds))

    def _tell(self) -> None:
        if self._shared is None:
            return
        content = SHARED.pack(self._start - self._real * self.speed, self._moved, self.speed)
        number = os.open(self._shared, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(number, content, 0)  # in one piece: nobody reads half of it
        finally:
            os.close(number)


def written(moment: float) -> str:
    """As the API writes moments."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> float:
    """A moment of the API. ValueError where it is none."""
    return datetime.fromisoformat(text).timestamp()
