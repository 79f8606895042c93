"""Looks after the money in the background, for as long as the window is open."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod_rows import Swept
from services.remote.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.remote.clock import Clock
    from services.remote.money import Bills
    from services.remote.pods import PodService

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 600.0
"""Between looks for pods that nobody needs."""
LOOK_SECONDS = 15.0
"""Between looks at the limits of those that are needed; costs one query of our own database."""
_QUIET = {"offline", "not_set"}
"""Why nobody can be asked, where that is nothing to tell."""


class Reaper:
    """One thread of its own: sweeps at the start and every ten minutes, and keeps to the limits.

    ``drive`` goes on with every run on a pod that no other program looks after: a pod whose run is
    over is ended by whoever drives it, and by nobody else.
    """

    def __init__(
        self,
        pods: PodService,
        clock: Clock | None = None,
        bills: Bills | None = None,
        drive: Callable[[], None] | None = None,
    ) -> None:
        self._pods = pods
        self._bills = bills
        self._drive = drive
        self._told: Callable[[Swept], None] = _tell_nobody
        self._clock = clock or SystemClock()
        self._left: set[str] = set()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, told: Callable[[Swept], None] | None = None) -> None:
        """Begin, once. ``told`` hears of each sweep that ended something, on this thread."""
        self._told = told or self._told
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="reaper", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End; a call to Runpod that is being made is not waited for longer than a moment."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _work(self) -> None:
        swept: float | None = None
        while not self._closing.is_set():
            now = self._clock.now()
            # A clock that was set back, or slept through hours, makes it look at once.
            if swept is None or not 0 <= now - swept < SWEEP_SECONDS:
                swept = now
                if self._drive is not None:
                    self._guarded(self._drive)
                self._guarded(self._sweep)
                if self._bills is not None:
                    self._guarded(self._bills.review)
            self._guarded(self._pods.enforce)
            self._clock.wait(self._closing, LOOK_SECONDS)

    def _sweep(self) -> None:
        swept = self._pods.sweep(unknown=False)
        new = tuple(row for row in swept.left if row.id not in self._left)
        self._left.update(row.id for row in new)
        if swept.ended or new:
            self._told(Swept(swept.ended, new))

    def _guarded(self, look: Callable[[], object]) -> None:
        """The next look must come whatever happened in this one: it is about money."""
        try:
            look()
        except AppError as error:
            if error.kind not in _QUIET:
                logger.warning("pods could not be looked after: %s", error)
        except Exception:  # the thread must live on: the next look may go well
            logger.exception("pods could not be looked after")


def _tell_nobody(_swept: Swept) -> None:
    """The log has it all the same."""
