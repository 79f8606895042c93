"""The queue: what waits is started when nothing trains on this computer any more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from models.domain.errors import OUTPUT_QUESTIONS, AppError, ConfigError
from models.qt.notice import Notice
from models.qt.runs_model import name_of

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import QueuePort
    from controllers.run_follower import RunFollower
    from controllers.training_controller import TrainingController
    from models.domain.config import TrainingConfig
    from models.domain.run import Run, RunUpdate
    from models.domain.run_history import QueueTurn
    from models.qt.app_models import AppModels

_LOOK_MS = 20_000
"""What keeps the computer busy may be another program's run, or an engine that is off: neither
tells when it changes."""
_TOPIC = "queue"


class QueueController(QObject):
    """Fills the QueueModel, and starts what is next.

    Signals:
        added: the Run (payload) that waits now.
    """

    added = Signal(object)

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        queue: QueuePort,
        training: TrainingController,
        follower: RunFollower,
    ) -> None:
        super().__init__(training)
        self._desk = desk
        self._models = models
        self._queue = queue
        self._training = training
        self._is_asking = False
        self._is_paused = False
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._on_look)
        follower.updated.connect(self._on_updated)
        training.queue_wanted.connect(self.add)
        runs = models.runs
        for signal in (runs.modelReset, runs.rowsInserted, runs.rowsRemoved, runs.dataChanged):
            signal.connect(self._show_ahead)

    @Slot()
    def refresh(self) -> None:
        """Read the queue, and start what is next if nothing trains."""
        self._desk.tasks.start(self._refresh())

    @Slot(str)
    def add(self, on_existing: str) -> None:
        """Let the form's setup wait, with an answer about its output directory."""
        form = self._models.form
        self._add_setup(form.config, form.name, on_existing)

    def _add_setup(self, config: TrainingConfig, name: str, on_existing: str) -> None:
        self._desk.tasks.start(self._add(config, name, on_existing))

    @Slot(str, str)
    def move(self, run_id: str, where: str) -> None:
        """Let a run start earlier (``up``) or later (``down``)."""
        self._desk.tasks.start(self._move(run_id, where))

    @Slot(str)
    def remove(self, run_id: str) -> None:
        """Take a run out of the queue."""
        self._desk.tasks.start(self._remove(run_id))

    @Slot()
    def pause(self) -> None:
        """Start nothing: the program is about to end."""
        self._is_paused = True

    @Slot()
    def go_on(self) -> None:
        """The program goes on, and so does the queue."""
        self._is_paused = False
        self.start_next()

    @Slot()
    def start_next(self) -> None:
        """Start what is next, unless something trains that this window knows of."""
        if self._may_start():
            self._is_asking = True
            self._desk.tasks.start(self._take_turn(says_starting=True))

    async def _refresh(self) -> None:
        await self._read()
        self.start_next()

    async def _read(self) -> None:
        try:
            found = await self._desk.lanes.runs.run(self._queue.list)
        except AppError as error:
            self._desk.notices.show_error("The queue cannot be read", error)
            return
        self._show(found)

    async def _add(self, config: TrainingConfig, name: str, on_existing: str) -> None:
        again = partial(self._add_setup, config, name, on_existing)
        try:
            if not await self._training.gate.passes(config, again):
                return
            run = await self._desk.lanes.runs.run(
                self._queue.enqueue, config, name=name, on_existing=on_existing
            )
        except ConfigError as error:
            self._models.form.show_problems(error.problems)
            self._training.problems_found.emit()
        except AppError as error:
            if error.kind in OUTPUT_QUESTIONS:
                self._training.output_asked.emit(error)
            else:
                self._desk.notices.show_error("The run cannot wait in the queue", error)
        else:
            self._models.runs.put(run)
            await self._refresh()
            self._say_added(run)

    async def _move(self, run_id: str, where: str) -> None:
        try:
            found = await self._desk.lanes.database.run(self._queue.move, run_id, where)
        except AppError as error:
            self._desk.notices.show_error("The queue is as it was", error)
            await self._read()
        else:
            self._show(found)

    async def _remove(self, run_id: str) -> None:
        try:
            run = await self._desk.lanes.database.run(self._queue.remove, run_id)
        except AppError as error:
            self._desk.notices.show_error("The run is not in the queue", error)
        else:
            self._models.runs.put(run)
            self._desk.notices.said.emit(f"{name_of(run)} is out of the queue")
        await self._read()

    async def _take_turn(self, *, says_starting: bool) -> None:
        status = self._models.run.status
        if says_starting:
            status.set_starting(True)
        try:
            due = await self._desk.lanes.runs.run(self._queue.due)
            if due is not None:  # else an idle model would be unloaded for nothing
                await self._training.make_room(due.config)
            turn = await self._desk.lanes.runs.run(self._queue.start_next)
            await self._read()
            self._show_turn(turn)
        except AppError as error:
            self._desk.notices.show_error("The next run of the queue did not start", error)
        finally:
            self._is_asking = False
            if says_starting:
                status.set_starting(False)

    def _show_turn(self, turn: QueueTurn) -> None:
        for run in turn.failed:
            self._models.runs.put(run)
        self._models.queue.set_held(turn.held)
        if turn.started is not None:
            self._training.show_started(turn.started)
        if turn.started is not None or turn.failed:
            self._desk.notices.noticed.emit(_notice(turn))

    def _say_added(self, run: Run) -> None:
        row = self._models.queue.row_of(run.id)
        if row >= 0:
            self._desk.notices.said.emit(f"{name_of(run)} waits in the queue as no. {row + 1}")
            self.added.emit(run)

    def _show(self, runs: object) -> None:
        self._models.queue.set_queue(tuple(runs), self._ahead())  # type: ignore[arg-type]
        if not self._models.queue.rowCount():
            self._models.queue.set_held("")
            self._look.stop()
        elif not self._look.isActive():
            self._look.start()

    @Slot()
    def _show_ahead(self) -> None:
        self._models.queue.set_queue(self._models.queue.runs, self._ahead())

    def _ahead(self) -> str:
        live = (run for run in self._models.runs.items if run.state.is_live)
        return next((name_of(run) for run in live), "")

    def _may_start(self) -> bool:
        waits = self._models.queue.rowCount() > 0
        busy = self._is_asking or self._is_paused or self._models.run.status.is_live
        return waits and not busy

    @Slot(object)
    def _on_updated(self, update: RunUpdate) -> None:
        if update.run.state.is_over:
            self.start_next()

    @Slot()
    def _on_look(self) -> None:
        # An answer on its way is not cut off for what may turn out to be nothing.
        shown = (self._models.run, self._models.shown_run)
        if self._may_start() and not any(one.inference.state.is_busy for one in shown):
            self._is_asking = True
            self._desk.tasks.start(self._take_turn(says_starting=False))


def _notice(turn: QueueTurn) -> Notice:
    """Which run began, and which did not."""
    reasons = []
    for run in turn.failed:
        why = f"{run.failure.message} {run.failure.hint}".strip() if run.failure else ""
        reasons.append(f"{name_of(run)} could not start: {why}")
    if turn.started is None:
        return Notice("The queue could not start a run", "\n".join(reasons), "bad", topic=_TOPIC)
    title = f"{name_of(turn.started)} has started: it was next in the queue"
    text = "\n".join(reasons) or "What the run before it came to is on the Runs page."
    return Notice(title, text, "warning" if reasons else "info", topic=_TOPIC)
