"""Bugs of ours: caught, written down, and shown with a report that can be copied."""

from __future__ import annotations

import faulthandler
import platform
import sys
import threading
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import IO, TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

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
        self._write(text)
        self.crashed.emit(CrashReport(f"{type(error).__name__}: {error}", text))

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

    def _write(self, text: str) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"crash-{moment}.txt").write_text(text, encoding="utf-8")
        except OSError as trouble:
            sys.stderr.write(f"the report could not be written: {trouble}\n")


def program_version() -> str:
    """The version of this program, as it was installed."""
    try:
        return version("temper")
    except PackageNotFoundError:
        return "from source"


def report_text(error: BaseException) -> str:
    """What happened, where, and with which versions."""
    head = [
        f"Temper {program_version()}",
        f"Python {platform.python_version()} · {platform.platform()}",
        f"PySide6 {version('PySide6_Essentials')}",
        datetime.now(UTC).isoformat(timespec="seconds"),
        "",
    ]
    return "\n".join(head) + "\n" + "".join(traceback.format_exception(error))
