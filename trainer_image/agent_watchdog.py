"""Ends the pod in time, whatever else has gone wrong: no trust in the window, the disk or the run.

Its thread touches no disk and takes no lock that another may hold for long: a volume that no longer
answers must not keep a pod alive.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trainer_image.agent_run import ENDED, RUNNING, SILENT, WAIT_INPUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer_image.agent_clock import PaidTime
    from trainer_image.agent_pod import OwnPod
    from trainer_image.agent_run import Run
    from trainer_image.agent_settings import Settings

_TICK_SECONDS = 0.2
_CALL_AGAIN_SECONDS = 120.0
_RESERVE_SHARE = 0.1
"""Of a short limit, saving gets no more than this share."""


class Watchdog:
    """Looks at the pod's age; ``start`` begins."""

    def __init__(
        self,
        settings: Settings,
        paid: PaidTime,
        run: Run,
        pod: OwnPod,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._paid = paid
        self._run = run
        self._pod = pod
        self._say = say
        # A restart does not begin the graces anew; it leaves some time to call again.
        again = min(_CALL_AGAIN_SECONDS, settings.boot_grace / 2)
        self._touched = max(run.born, paid.worked - settings.boot_grace + again)
        self._grown = paid.worked
        self._asked = False
        self._sizes = (0, 0)
        self._wake = threading.Event()
        self.ending = ""
        self.deleted_by = ""

    def start(self) -> None:
        """Watch from now on, for ever."""
        threading.Thread(target=self._watch, daemon=True).start()

    def touch(self) -> None:
        """The window is sending or fetching files: the graces count from here."""
        self._touched = self._paid.worked

    def noticed(self, sizes: tuple[int, int]) -> None:
        """How large log and events are: that they grow is the sign of life."""
        if sizes != self._sizes:
            self._sizes = sizes
            self._grown = self._paid.worked

    def end(self, reason: str) -> None:
        """End the pod now."""
        if not self.ending:
            self.ending = reason
        self._wake.set()

    def _watch(self) -> None:
        while not self.ending:
            self.ending = self._look()
            if not self.ending:
                self._wake.wait(_TICK_SECONDS)
        self._say(f"This pod ends now: {self.ending}.")
        while True:
            self._run.kill(self.ending)
            way = self._pod.delete()
            self.deleted_by = way or self.deleted_by
            self._say(f"Deletion asked for: {way or 'refused by every way'}.")
            time.sleep(self._settings.retry_seconds)

    def _look(self) -> str:
        """Why the pod must end now; empty while it need not."""
        settings, phase, now = self._settings, self._run.phase, self._paid.worked
        left = self._paid.limit - self._paid.age
        if left <= 0:
            return "limit"
        reserve = min(settings.stop_reserve, _RESERVE_SHARE * self._paid.limit)
        if phase == RUNNING:
            if left <= reserve:
                self._ask_to_stop("limit")
            elif settings.silence and now - self._grown > settings.silence:
                self._ask_to_stop(SILENT)
        elif phase == WAIT_INPUT and now - self._touched > settings.boot_grace:
            return "not_started"
        elif phase in ENDED and now - self._last_sign() > settings.retrieve_grace:
            return "not_retrieved"
        return ""

    @property
    def ends_in(self) -> float:
        """Seconds until the pod ends itself, if nothing happens until then."""
        left = self._paid.limit - self._paid.age
        idle = self._paid.worked - self._last_sign()
        if self._run.phase == WAIT_INPUT:
            left = min(left, self._settings.boot_grace - idle)
        elif self._run.phase in ENDED:
            left = min(left, self._settings.retrieve_grace - idle)
        return 0.0 if self.ending else max(0.0, left)

    def _last_sign(self) -> float:
        return max(self._run.ended, self._touched)

    def _ask_to_stop(self, reason: str) -> None:
        """In a thread of its own: stopping writes to the disk."""
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._run.stop, args=(reason,), daemon=True).start()
