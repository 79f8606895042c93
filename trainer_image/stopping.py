"""How a run is asked to stop: by SIGTERM or SIGINT, or by a file where signals cannot reach it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image.failures import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StopRequest:
    """Knows whether somebody asked to stop, and makes it happen at a good moment.

    Where nothing is lost (``interrupting``: loading, tokenising) a signal stops at once. Everywhere
    else it is only noted, until somebody looks: the training loop saves a checkpoint first, and
    further signals can harm neither that nor a half-written event.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._signalled = False
        self._at_once = False

    def listen(self) -> None:
        """Catch the signals. A file left by an earlier stop is obeyed already, and removed."""
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
        return self._signalled or self._file.exists()

    def check(self) -> None:
        """Stop here if asked to."""
        if self.asked:
            raise StoppedError

    def _on_signal(self, number: int, frame: Any) -> None:
        self._signalled = True
        if self._at_once:
            self._at_once = False
            raise StoppedError
