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

    def __init__(self, desk: Desk, runtime: RuntimePort, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._runtime = runtime
        self._cancel: CancelToken | None = None
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)

    @Slot()
    def create(self) -> None:
        """Make the environment, or finish what was begun."""
        if self._cancel is None:
            self._desk.tasks.start(self._create_and_tell(self._begin()))

    async def ensure(self, again: str) -> bool:
        """Make the environment unless it is ready; whether it is now. What failed was told, with
        a button for the action ``again``.
        """
        if await self._desk.lanes.runs.run(self._runtime.is_ready):
            return True
        if self._cancel is not None:
            self._desk.notices.said.emit("The training environment is being set up already")
            return False
        return await self._create(self._begin(), again)

    @Slot()
    def cancel(self) -> None:
        """Stop; what was downloaded is kept for the next time."""
        if self._cancel is not None:
            self._cancel.cancel()

    def _begin(self) -> CancelToken:
        self._cancel = CancelToken()
        self.began.emit("Setting up the training environment")
        return self._cancel

    async def _create_and_tell(self, cancel: CancelToken) -> None:
        if await self._create(cancel, SETUP_RUNTIME):
            self.ready.emit()

    async def _create(self, cancel: CancelToken, again: str) -> bool:
        is_ready = False
        try:
            await self._desk.lanes.work.run(self._runtime.create, self._relay.report, cancel)
            is_ready = True
        except Cancelled:
            self._desk.notices.said.emit("Cancelled. What was downloaded is kept.")
        except AppError as error:
            self._desk.notices.show_error(
                "The training environment could not be set up", error, again, "Try again"
            )
        finally:
            self._cancel = None
            self.ended.emit()
        return is_ready
