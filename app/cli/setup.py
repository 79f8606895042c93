"""Making the trainer's environment ready from a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from app.cli.output import say
from models.domain.config import RUNTIME_PYTHON, TARGET_LOCAL
from models.domain.errors import AppError
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from app.bootstrap import Services
    from models.domain.config import TrainingConfig

_QUIET_SECONDS = 3.0


class StepPrinter:
    """Prints reports of long work: in place on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = 0.0
        self._shown = ""

    def __call__(self, progress: Progress) -> None:
        share = "" if progress.fraction is None else f"{progress.fraction:4.0%} "
        text = f"{share}{progress.message}"
        if self._live:
            print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)
            self._shown = text
        elif time.monotonic() - self._last >= _QUIET_SECONDS and text != self._shown:
            self._last, self._shown = time.monotonic(), text
            say(text)

    def close(self) -> None:
        """End the line that is being rewritten, if there is one."""
        if self._live and self._shown:
            print(file=sys.stderr, flush=True)


def ensure_ready(services: Services, config: TrainingConfig) -> None:
    """Make ready what this setup is run with. A container and a pod have their own Python."""
    is_local = config.training.target == TARGET_LOCAL
    if is_local and config.local.runtime == RUNTIME_PYTHON:
        ensure_runtime(services)


def ensure_runtime(services: Services) -> None:
    """Set up the trainer's environment if it is not ready; can be interrupted and goes on later."""
    if services.runtime.is_ready():
        return
    say("Setting up the training environment (once; about 1 GB without a GPU).")
    printer = StepPrinter()
    try:
        services.runtime.create(printer, CancelToken())
    except KeyboardInterrupt:
        raise AppError(
            "cancelled", "The setup was interrupted.", "The next start goes on where it stopped."
        ) from None
    finally:
        printer.close()
