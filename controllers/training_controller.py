"""Starts, stops and shows the run of the Training page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import RUNTIME_PYTHON, TARGET_LOCAL
from models.domain.errors import OUTPUT_QUESTIONS, AppError, ConfigError
from models.domain.run import RunState
from models.qt.notice import Notice
from models.qt.run_endings import meanwhile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from controllers.data_gate import DataGate
    from controllers.desk import Desk
    from controllers.ports import RunPort, RuntimePort
    from controllers.run_follower import RunFollower
    from models.domain.config import TrainingConfig
    from models.domain.run import Run, RunUpdate
    from models.qt.app_models import AppModels

SETUP_RUNTIME = "setup_runtime"
_SETUP = Notice(
    "The training environment is not set up yet",
    "Temper sets up its own Python with PyTorch once; it is downloaded and takes a few gigabytes.",
    "info",
    SETUP_RUNTIME,
    "Set up and start",
    topic="runtime_missing",
)


class TrainingController(QObject):
    """Between the form, the run's models and the run service.

    Signals:
        problems_found: the form shows what has to be mended.
        output_asked: an AppError (payload): the output directory holds something already.
        queue_wanted: a run is live, so the form's setup is to wait; with the answer about its
            output directory.
        data_refused: the DataRefusedError (payload) that keeps a training from starting.
        started: the Run (payload) that was started or resumed.
        finished: the Run (payload) that ended while it was shown.
    """

    problems_found = Signal()
    output_asked = Signal(object)
    queue_wanted = Signal(str)
    data_refused = Signal(object)
    started = Signal(object)
    finished = Signal(object)

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        runs: RunPort,
        runtime: RuntimePort,
        follower: RunFollower,
        gate: DataGate,
    ) -> None:
        super().__init__(follower)
        self._desk = desk
        self._models = models
        self._runs = runs
        self._runtime = runtime
        self._follower = follower
        self.gate = gate
        self._make_room: Callable[[], Awaitable[None]] | None = None
        follower.updated.connect(self._on_updated)
        models.form.value_changed.connect(self._withdraw_setup)
        models.form.reset.connect(self._withdraw_setup)
        gate.refused.connect(self.data_refused)

    def before_start(self, make_room: Callable[[], Awaitable[None]]) -> None:
        """What is awaited before a run on this computer starts: it needs all the memory."""
        self._make_room = make_room

    @Slot()
    def start(self) -> None:
        """Start what the form says, if it is right; while a run is live, let it wait."""
        if self._models.run.status.is_starting:
            return
        form = self._models.form
        if wrong := form.check_all():
            self.problems_found.emit()
            if not any(form.is_unreadable(one.field) for one in wrong):
                self._desk.tasks.start(self._add_missing(form.config))
            return
        self.start_with("refuse")

    @Slot()
    def start_prepared(self) -> None:
        """Start now that the environment is ready, which took minutes: only what still trains in
        it. For a pod the button of its own is pressed, beside the price."""
        if _needs_python(self._models.form.config):
            self.start()
        else:
            self._desk.notices.said.emit("The training environment is ready")

    @Slot(str)
    def start_with(self, on_existing: str) -> None:
        """Start with an answer about the output directory (refuse, resume, new, overwrite)."""
        form, status = self._models.form, self._models.run.status
        if status.is_live and not status.is_starting:
            self.queue_wanted.emit(on_existing)
        else:
            self.start_setup(form.config, form.name, on_existing)

    def start_setup(self, config: TrainingConfig, name: str, on_existing: str) -> None:
        """Start a setup that need not be the form's."""
        status = self._models.run.status
        if not status.is_live:
            status.set_starting(True)
            self._desk.tasks.start(self._start(config, name, on_existing))

    @Slot()
    def start_anyway(self) -> None:
        """Start what was refused last for its data, where the trainer can."""
        self.gate.start_anyway()

    @Slot()
    def stop(self) -> None:
        """Ask the run to stop; asked again while it stops, end it at once."""
        run = self._models.run.status.run
        if run is not None and not run.state.is_over:
            self._desk.tasks.start(self._stop(run))

    @Slot()
    def resume(self) -> None:
        """Go on with the run that is shown."""
        run = self._models.run.status.run
        if run is not None and run.state.is_over:
            self._desk.tasks.start(self.resume_run(run))

    async def resume_run(self, run: Run) -> None:
        """Go on with an ended run, and show it wherever it is shown."""
        try:
            await self.make_room(run.config)
            resumed = await self._desk.lanes.runs.run(self._runs.resume, run.id)
            update = await self._desk.lanes.runs.run(self._runs.history, resumed.id)
        except AppError as error:
            self._desk.notices.show_error("The run cannot be resumed", error)
            return
        if not self._models.run.status.is_live:
            self._models.run.begin(update.run)
        self._fill_shown(update)
        self._began(update.run)

    def _fill_shown(self, update: RunUpdate) -> None:
        """On each page that shows this run: what a history brought no poll tells again."""
        for shown in (self._models.run, self._models.shown_run):
            if shown.run_id == update.run.id:
                shown.fill(update)

    @Slot()
    def find_again(self) -> None:
        """Look for runs that go on, as at the start: the command line may have begun one."""
        self._desk.tasks.start(self._find_again())

    async def _find_again(self) -> None:
        if not await self.reattach():
            self._desk.notices.said.emit("No other run is going on")

    async def reattach(self) -> bool:
        """Show the run that went on while the program was closed, and follow all that live.

        Returns whether there was anything to tell.
        """
        try:
            found = await self._desk.lanes.runs.run(self._runs.reattach)
            if not found:
                return False
            run = next((run for run in found if run.state.is_live), found[0])
            update = await self._desk.lanes.runs.run(self._runs.history, run.id)
        except AppError as error:
            self._desk.notices.show_error("Earlier runs cannot be found again", error)
            return True
        self._models.run.begin(update.run)
        self._fill_shown(update)
        for other in found:
            self._models.runs.put(other)
            if other.state.is_live:
                self._follower.follow(other.id)
        self._tell_found(found, update.run)
        if update.run.state is RunState.FINISHED:
            self.finished.emit(update.run)
        return True

    def _tell_found(self, found: Sequence[Run], shown: Run) -> None:
        notice = meanwhile(found)
        if notice is not None:
            self._desk.notices.noticed.emit(notice)
        if shown.state.is_live:
            self._desk.notices.said.emit(f"Re-attached to run {shown.name or shown.id}")

    async def _start(self, config: TrainingConfig, name: str, on_existing: str) -> None:
        try:
            if not await self._is_all_there(config):
                return
            again = partial(self.start_setup, config, name, on_existing)
            if not await self.gate.passes(config, again):
                return
            await self.make_room(config)
            run = await self._desk.lanes.runs.run(
                self._runs.start, config, name=name, on_existing=on_existing
            )
        except ConfigError as error:
            self._models.form.show_problems(error.problems)
            self.problems_found.emit()
        except AppError as error:
            self._tell(error)
        else:
            self.show_started(run)
        finally:
            self._models.run.status.set_starting(False)

    async def _add_missing(self, config: TrainingConfig) -> None:
        """Beside what is wrong in the form, tell what else a start would miss."""
        form = self._models.form
        try:
            if not await self._has_runtime(config):
                self._desk.notices.noticed.emit(_SETUP)
            found = await self._desk.lanes.runs.run(self._runs.problems, config)
        except AppError as error:
            self._tell(error)
            return
        known = {one.field for one in form.problems()}
        if form.config == config and known:  # else what is shown is of another setup by now
            form.show_problems([*form.problems(), *(p for p in found if p.field not in known)])

    async def _is_all_there(self, config: TrainingConfig) -> bool:
        """Whether nothing is missing; else the user is told of all of it at once."""
        has_runtime = await self._has_runtime(config)
        if not has_runtime:
            self._desk.notices.noticed.emit(_SETUP)
        problems = await self._desk.lanes.runs.run(self._runs.problems, config)
        if problems:
            self._models.form.show_problems(problems)
            self.problems_found.emit()
        return has_runtime and not problems

    async def _has_runtime(self, config: TrainingConfig) -> bool:
        """Whether what this setup trains in is there."""
        if not _needs_python(config):
            return True
        return await self._desk.lanes.runs.run(self._runtime.is_ready)

    async def make_room(self, config: TrainingConfig) -> None:
        """Free the memory that a run of this setup needs, if it is of this computer."""
        if self._make_room is not None and config.training.target == TARGET_LOCAL:
            await self._make_room()

    def show_started(self, run: Run) -> None:
        """Show a run that has just begun, and follow it."""
        self._models.run.begin(run)
        self._began(run)

    def _began(self, run: Run) -> None:
        self._models.runs.put(run)
        self._follower.follow(run.id)
        self.started.emit(run)

    def _tell(self, error: AppError) -> None:
        if error.kind in OUTPUT_QUESTIONS:
            self.output_asked.emit(error)
        elif error.kind == "runtime_missing":
            self._desk.notices.noticed.emit(_SETUP)
        else:
            self._desk.notices.show_error("The training did not start", error)

    async def _stop(self, run: Run) -> None:
        again = run.state is RunState.STOPPING
        ask = self._runs.kill if again else self._runs.stop
        try:
            stopped = await self._desk.lanes.runs.run(ask, run.id)
        except AppError as error:
            self._desk.notices.show_error("The run could not be stopped", error)
            return
        if self._models.run.run_id == stopped.id and not stopped.state.is_over:
            self._models.run.status.set_run(stopped)

    @Slot()
    def _withdraw_setup(self) -> None:
        """Nothing offers to set up what the form's setup does not need."""
        if not _needs_python(self._models.form.config):
            self._desk.notices.withdrawn.emit(_SETUP.topic)

    @Slot(object)
    def _on_updated(self, update: RunUpdate) -> None:
        known = self._models.runs.find(update.run.id)
        if known != update.run:
            self._models.runs.put(update.run)
        for shown in (self._models.run, self._models.shown_run):
            if shown.run_id == update.run.id:
                shown.take(update)
        if update.run.state.is_over and self._models.run.run_id == update.run.id:
            self.finished.emit(update.run)


def _needs_python(config: TrainingConfig) -> bool:
    """Whether it trains in the managed environment; a container and a pod bring their own."""
    return config.training.target == TARGET_LOCAL and config.local.runtime == RUNTIME_PYTHON
