"""How a run is asked to stop: by SIGTERM or SIGINT, or by a file where signals cannot reach it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from trainer_image.failures import StoppedError

if TYPE_CHECKING:
    from pathlib import Path


class StopRequest:
    """Knows whether somebody asked to stop, and makes it happen at once or at a good moment.

    While a model is loaded or rows are tokenised, nothing is lost and a signal stops at once. Once
    training has begun, the training loop asks ``asked`` and saves a checkpoint first; further
    signals change nothing, so they cannot harm the saving.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._signalled = False
        self._at_once = True

    def listen(self) -> None:
        """Catch the signals. A file left by an earlier stop is obeyed already, and removed."""
        self._file.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def finish_steps(self) -> None:
        """From now on, stop only where the training loop looks."""
        self.check()
        self._at_once = False

    @property
    def asked(self) -> bool:
        """Whether the run should stop."""
        return self._signalled or self._file.exists()

    def check(self) -> None:
        """Stop here if asked to."""
        if self.asked:
            raise StoppedError

    def _on_signal(self, number: int, frame: Any) -> None:
        first = not self._signalled
        self._signalled = True
        if first and self._at_once:
            raise StoppedError
