"""How a run is asked to stop: by SIGTERM or SIGINT, or by a file where signals cannot reach it."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image import crew, world
from trainer_image.failures import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_LOOK_EVERY = 0.5
"""Seconds between two looks for the file that asks to stop."""


class StopRequest:
    """Knows whether somebody asked to stop, and makes it happen at a good moment.

    Where nothing is lost (``interrupting``: loading, tokenising) a signal stops at once. Everywhere
    else it is only noted, until somebody looks: the training loop saves a checkpoint first, and
    further signals can harm neither that nor a half-written event. Where several processes train
    together they stop at the same step: from ``agree`` on what counts is what was agreed last.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._signalled = False
        self._at_once = False
        self._agreed: bool | None = None

    def listen(self) -> None:
        """Catch the signals. A file left by an earlier stop is obeyed already, and removed."""
        if world.size() == 1:  # else whoever started the processes has done it
            self._file.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Something slow that a signal may break off."""
        self.check()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False
        self.check()  # the libraries catch much, and may have caught our exception

    @property
    def asked(self) -> bool:
        """Whether the run should stop."""
        return self.seen if self._agreed is None else self._agreed

    @property
    def seen(self) -> bool:
        """Whether this process was asked, whatever the others know."""
        return self._signalled or self._file.exists()

    def agree(self) -> None:
        """Ask all processes; alone, nothing changes."""
        if world.size() > 1:
            self._agreed = crew.any_says(self.seen)

    def settle(self, asked: bool) -> None:
        """What ``agree`` would have found, where it was told with something else."""
        self._agreed = asked

    def decide_alone(self) -> None:
        """The others have gone: from now on our own eyes count."""
        self._agreed = None

    def check(self) -> None:
        """Stop here if asked to."""
        if self.asked:
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until somebody asks to stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.check()
            time.sleep(min(_LOOK_EVERY, seconds))

    def _on_signal(self, number: int, frame: Any) -> None:
        self._signalled = True
        if self._at_once:
            self._at_once = False
            raise StoppedError
