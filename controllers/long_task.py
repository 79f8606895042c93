"""Something long that is done once at a time, shows how far it is, and can be given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.errors import AppError
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from controllers.desk import Desk
    from services.progress import Progress


class LongTask(QObject):
    """One at a time.

    Signals:
        began: what is done, in words.
        progressed: a Progress (payload).
        ended: however it went.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._cancel: CancelToken | None = None
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)

    def report(self, progress: Progress) -> None:
        """Take a report of how far it is, from any thread."""
        self._relay.report(progress)

    def start(self, title: str, work: Callable[[CancelToken], Awaitable[None]]) -> None:
        """Begin it, unless another goes on."""
        if self._cancel is not None:
            self._desk.notices.said.emit("Wait for what is going on, or cancel it")
            return
        self._cancel = CancelToken()
        self.began.emit(title)
        self._desk.tasks.start(self._do(title, work(self._cancel)))

    @Slot()
    def cancel(self) -> None:
        """Give up what goes on."""
        if self._cancel is not None:
            self._cancel.cancel()

    async def _do(self, title: str, work: Awaitable[None]) -> None:
        try:
            await tell(self._desk, work, f"{title} did not work")
        finally:
            self._cancel = None
            self.ended.emit()


async def tell(desk: Desk, work: Awaitable[None], failure: str) -> None:
    """Do it, and show what is known to go wrong."""
    try:
        await work
    except Cancelled:
        desk.notices.said.emit("Cancelled: nothing was changed")
    except AppError as error:
        desk.notices.show_error(failure, error)
