"""The time by which pods are paid and waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading


class Clock(Protocol):
    """Tests bring a faster one."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so long by this clock, or until the event is set; whether it is."""


class SystemClock:
    """This computer's own."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so long, or until the event is set; whether it is."""
        return event.wait(seconds)
