"""A thread by which a run shows that it lives while a step, a download or an evaluation is long."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from trainer_image.reporter import Reporter

_LOOK_SECONDS = 1.0


class Heartbeat:
    """Runs while it is entered; what it may say, and how often, the reporter decides."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            # A full disk is told by whoever writes something that matters.
            with contextlib.suppress(OSError):
                self._reporter.beat()
