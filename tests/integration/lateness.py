"""How late this machine wakes who sleeps: on the emulator's clock a second of that is a minute.

A machine whose cores are all taken is no fault of the program's, whose own waits are 15 seconds of
that clock, a quarter of a real one.
"""

from __future__ import annotations

import threading
import time
from collections import deque

_NAP = 0.05


class Lateness:
    """Watches from its first use on, in a thread of its own."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque(maxlen=10_000)
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """Begin, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._nap, daemon=True)
            self._thread.start()

    def worst(self, within: float) -> float:
        """By how many real seconds somebody was woken too late in the last ``within`` seconds."""
        since = time.monotonic() - within
        return max((late for at, late in tuple(self._late) if at >= since), default=0.0)

    def _nap(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(_NAP)
            ended = time.monotonic()
            self._late.append((ended, ended - began - _NAP))


LATENESS = Lateness()
