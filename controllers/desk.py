"""What every controller has at hand: lanes, tasks, and a way to tell the user something."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.qt.notice import Notice
from services.redaction import redact

if TYPE_CHECKING:
    from controllers.lanes import Lanes
    from controllers.tasks import Tasks
    from models.domain.errors import AppError
    from services.progress import Progress


class Notices(QObject):
    """What controllers say; whoever shows it is connected by the program.

    Signals:
        noticed: a Notice (payload) for the banner.
        withdrawn: the topic of a notice that no longer stands.
        said: a sentence for the status bar.
    """

    noticed = Signal(object)
    withdrawn = Signal(str)
    said = Signal(str)

    def show_error(self, title: str, error: AppError, action: str = "", label: str = "") -> None:
        """Show a known failure with its next step, and a button where there is a remedy."""
        between = "\n" if "\n" in error.message else " "
        text = redact(f"{error.message}{between}{error.hint}".strip())
        details = redact(error.details)
        self.noticed.emit(
            Notice(title, text, "bad", action, label, topic=error.kind, details=details)
        )


class ProgressRelay(QObject):
    """Carries reports of a lane's work to the window's thread.

    Lives in the window's thread and may be called from any: its receivers are methods of QObjects,
    so Qt delivers in their own thread.

    Signals:
        reported: a Progress (payload).
    """

    reported = Signal(object)

    def report(self, progress: Progress) -> None:
        """Pass a report on."""
        self.reported.emit(progress)


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by all controllers of the window."""

    lanes: Lanes
    tasks: Tasks
    notices: Notices = field(default_factory=Notices)
