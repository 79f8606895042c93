"""What becomes of live runs when the window is closed: they go on, or are stopped first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.app_settings import CLOSE_KEEP
from models.domain.config import TARGET_LOCAL
from models.domain.errors import AppError
from models.domain.run import RunState

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import RunPort
    from controllers.run_follower import RunFollower
    from models.domain.run import Run, RunUpdate
    from models.qt.app_models import AppModels


class ClosingController(QObject):
    """Stops runs before the window goes, and says when nothing keeps it any more.

    Signals:
        stopping: the Runs (payload, a tuple) that are being stopped; again at each change.
        settled: nothing is waited for any more, the window may go.
        given_up: it cannot be closed now; the notices say why.
    """

    stopping = Signal(object)
    settled = Signal()
    given_up = Signal()

    def __init__(self, desk: Desk, models: AppModels, runs: RunPort, follower: RunFollower) -> None:
        super().__init__(follower)
        self._desk = desk
        self._models = models
        self._runs = runs
        self._waits = False
        follower.updated.connect(self._on_updated)

    @property
    def live(self) -> tuple[Run, ...]:
        """The runs on this computer that are worked on, as last heard of; the newest first."""
        shown = self._models.run.status.run
        known = {run.id: run for run in ([shown] if shown is not None else [])}
        known |= {run.id: run for run in self._models.runs.items}
        return tuple(
            run
            for run in known.values()
            if run.state.is_live and run.config.training.target == TARGET_LOCAL
        )

    @property
    def waiting(self) -> int:
        """How many runs of the queue wait for a program that starts them."""
        return sum(run.state is RunState.QUEUED for run in self._models.runs.items)

    @property
    def must_ask(self) -> bool:
        """Whether live runs keep the window from being closed without another word."""
        return bool(self.live) and self._models.settings.values.on_close != CLOSE_KEEP

    @property
    def is_waiting(self) -> bool:
        """Whether runs are being stopped so that the window may go."""
        return self._waits

    @Slot()
    def stop_all(self) -> None:
        """Ask every live run to save and end; ``settled`` once they have."""
        self._waits = True
        self._desk.tasks.start(self._stop_all())

    @Slot()
    def stay(self) -> None:
        """The window is not to be closed after all; runs that were asked to stop do so."""
        self._waits = False

    @Slot()
    def end_now(self) -> None:
        """End the runs at once, without a checkpoint of what they did last."""
        self._desk.tasks.start(self._kill_all())

    async def _stop_all(self) -> None:
        try:
            for run in self.live:
                if run.state is not RunState.STOPPING:
                    self._take(await self._desk.lanes.runs.run(self._runs.stop, run.id))
        except AppError as error:
            self._give_up(error)
        else:
            self._look()

    async def _kill_all(self) -> None:
        try:
            for run in self.live:
                self._take(await self._desk.lanes.runs.run(self._runs.kill, run.id))
        except AppError as error:
            self._give_up(error)

    def _take(self, run: Run) -> None:
        """A run that was asked to stop; that it has ended comes with following it."""
        if run.state.is_over:
            return
        self._models.runs.put(run)
        if self._models.run.run_id == run.id:
            self._models.run.status.set_run(run)

    def _give_up(self, error: AppError) -> None:
        self._waits = False
        self._desk.notices.show_error("The run could not be stopped", error)
        self.given_up.emit()

    @Slot(object)
    def _on_updated(self, _update: RunUpdate) -> None:
        if self._waits:
            self._look()

    def _look(self) -> None:
        if not self._waits:
            return
        live = self.live
        if live:
            self.stopping.emit(live)
        else:
            self._waits = False
            self.settled.emit()
