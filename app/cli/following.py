"""Long work from a terminal: its progress, and Ctrl+C that gives it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from app.cli.asking import interruptible
from app.cli.setup import StepPrinter
from models.domain.errors import AppError
from services.progress import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.progress import CancelToken, Reporter

Result = TypeVar("Result")


def followed(
    work: Callable[[Reporter, CancelToken], Result], message: str, hint: str = ""
) -> Result:
    """Do the work, and print how far it is. AppError("cancelled") with these words after Ctrl+C."""
    printer = StepPrinter()
    try:
        with interruptible() as cancel:
            return work(printer, cancel)
    except Cancelled:
        raise AppError("cancelled", message, hint) from None
    finally:
        printer.close()
