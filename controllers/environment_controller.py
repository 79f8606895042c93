"""Sets up the trainer's managed environment, with progress, when a run needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from controllers.training_controller import SETUP_RUNTIME
from models.domain.errors import AppError
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import RuntimePort


class EnvironmentController(QObject):
    """One set-up at a time.

    Signals:
        began: what is done, in words.
        progressed: a Progress (payload).
        ended: however it went.
        ready: runs can start now.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()
    ready = Signal()

    def __init__(
        self,
        desk: Desk,
        runtime: RuntimePort,
        *,
        offline: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._runtime = runtime
        self._offline = offline
        self._cancel: CancelToken | None = None
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)

    @Slot()
    def create(self) -> None:
        """Make the environment, or finish what was begun."""
        if self._cancel is None:
            self._cancel = CancelToken()
            self.began.emit("Setting up the training environment")
            self._desk.tasks.start(self._create(self._cancel))

    @Slot()
    def cancel(self) -> None:
        """Stop; what was downloaded is kept for the next time."""
        if self._cancel is not None:
            self._cancel.cancel()

    async def _create(self, cancel: CancelToken) -> None:
        is_ready = False
        try:
            await self._desk.lanes.work.run(
                self._runtime.create, self._relay.report, cancel, offline=self._offline
            )
            is_ready = True
        except Cancelled:
            self._desk.notices.said.emit("Cancelled. What was downloaded is kept.")
        except AppError as error:
            self._desk.notices.show_error(
                "The training environment could not be set up", error, SETUP_RUNTIME, "Try again"
            )
        finally:
            self._cancel = None
            self.ended.emit()
        if is_ready:
            self.ready.emit()
