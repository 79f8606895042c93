"""How long work of a service tells how far it is, and how it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report. ``fraction`` runs from 0 to 1; None means that the end is not known yet."""

    fraction: float | None
    message: str


Reporter = Callable[[Progress], None]
"""Receives reports in the thread that does the work."""


class Cancelled(Exception):  # noqa: N818 - a cancel is a state that somebody asked for, no error
    """The work stopped because its CancelToken was set."""


class CancelToken:
    """Set by whoever wants work to stop, looked at by the work at least every 100 ms."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the work to stop."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask the work to stop; may be called from any thread, and more than once."""
        self._event.set()

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled once cancel() was called."""
        if self._event.is_set():
            raise Cancelled

    def pause(self, seconds: float) -> None:
        """Wait that long; raise Cancelled at once when cancel() is called meanwhile."""
        if self._event.wait(seconds):
            raise Cancelled


def time_left(seconds: float) -> str:
    """How long something still takes, as exactly as anybody can know."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
