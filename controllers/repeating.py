"""Starting a run from one that was: what running again, longer and on top have in common."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.qt.runs_model import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from controllers.desk import Desk
    from controllers.ports import HistoryPort
    from controllers.training_controller import TrainingController
    from models.domain.run import Run
    from models.domain.run_history import Repetition
    from models.qt.app_models import AppModels


class RepeatingController(QObject):
    """Between the Runs page and the history.

    Signals:
        began: the Run (payload) that trains now.
        queued: the Run (payload) that waits, for another one trains.
    """

    began = Signal(object)
    queued = Signal(object)

    def __init__(
        self, desk: Desk, models: AppModels, history: HistoryPort, training: TrainingController
    ) -> None:
        super().__init__(training)
        self._desk = desk
        self._models = models
        self._history = history
        self._training = training

    @contextmanager
    def _starting(self) -> Iterator[bool]:
        """Whether the new run has to wait, for another one trains; else Start is busy meanwhile."""
        status = self._models.run.status
        waits = status.is_live
        if not waits:
            status.set_starting(True)
        try:
            yield waits
        finally:
            if not waits:
                status.set_starting(False)

    async def _ask_gate(
        self, plan: Repetition, again: Callable[[], None], *, sha256: str, waits: bool
    ) -> bool:
        """Whether the data lets it start, with room made for it; ``again`` is for an answer of the
        user's. AppError."""
        if not await self._training.gate.passes(plan.config, again, sha256=sha256):
            return False
        if not waits:
            await self._training.make_room(plan.config)
        return True

    def _show(self, run: Run, *, waits: bool) -> None:
        if waits:
            self._models.runs.put(run)
            self._desk.notices.said.emit(f"{name_of(run)} waits in the queue")
            self.queued.emit(run)
        else:
            self._training.show_started(run)
            self.began.emit(run)
