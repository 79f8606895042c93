"""Bugs of ours: caught, written down, and shown with a report that can be copied."""

from __future__ import annotations

import faulthandler
import sys
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.crash_report import report_text, write_report
from services.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_FAULTS = "faults.log"


@dataclass(frozen=True, slots=True)
class CrashReport:
    """A sentence, and all that is needed to find the fault. Nothing in it is secret."""

    title: str
    text: str


class CrashReporter(QObject):
    """Takes every exception that nobody caught, in any thread.

    Signals:
        crashed: a CrashReport (payload).
    """

    crashed = Signal(object)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._faults: IO[str] | None = None
        self._was_watched = False
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Catch what nobody else does."""
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def watch_faults(self) -> str:
        """Write down where a fatal signal strikes; returns what the last one left behind."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / _FAULTS
        earlier = path.read_text("utf-8", "replace") if path.exists() else ""
        self._faults = path.open("w", encoding="utf-8")
        self._was_watched = faulthandler.is_enabled()
        faulthandler.enable(self._faults)
        return earlier

    def uninstall(self) -> None:
        """Put back what was there before."""
        sys.excepthook, threading.excepthook = self._before
        if self._faults is not None:
            faulthandler.disable()
            self._faults.close()
            if self._was_watched and sys.__stderr__ is not None:
                faulthandler.enable(sys.__stderr__)
            self._faults = None

    def report(self, error: BaseException) -> None:
        """Write an exception down and tell the window."""
        text = report_text(error)
        sys.stderr.write(text)
        write_report(self._folder, text)
        self.crashed.emit(CrashReport(redact(f"{type(error).__name__}: {error}"), text))

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before[0](kind, error, trace)
        else:
            self.report(error.with_traceback(trace))

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self.report(arguments.exc_value)
