"""How late this machine wakes who sleeps: on the emulator's clock a second of that is a minute.

A machine whose cores are all taken is no fault of the program's, whose own waits are 15 seconds of
that clock, a quarter of a real one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.emulators.runpod.clock import Clock

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

    def between(self, since: float, until: float) -> float:
        """By how many real seconds in all somebody was woken too late who waited, again and again,
        between these moments of ``time.monotonic``: in a row of waits each adds its own."""
        naps = [(at - _NAP - late, at, late) for at, late in tuple(self._late)]
        return sum(late for began, at, late in naps if at > since and began < until)

    def emulated(self, clock: Clock, until: float, seconds: float) -> float:
        """By how much in the ``seconds`` before a moment, all by the emulator's clock."""
        end = time.monotonic() - clock.real(clock.now() - until)
        return self.between(end - clock.real(max(0.0, seconds)), end) * clock.speed

    def note(self, began: float, ended: float) -> None:
        """Of one nap."""
        self._late.append((ended, ended - began - _NAP))

    def _nap(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(_NAP)
            self.note(began, time.monotonic())


LATENESS = Lateness()
