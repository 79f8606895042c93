"""Try the demo: set up what is missing, put its setup into the form, and start it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.errors import AppError
from models.domain.run import RunState
from models.qt.notice import Notice
from models.qt.run_status import result_sentence
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from controllers.configs_controller import ConfigsController
    from controllers.desk import Desk
    from controllers.environment_controller import EnvironmentController
    from controllers.ports import DemoPort
    from controllers.training_controller import TrainingController
    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from models.domain.run import Run
    from models.qt.app_models import AppModels

TRY_DEMO = "try_demo"
TRY_MODEL = "try_model"


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """The demo's setup, ready to be put into the form and started."""

    saved: SavedConfig
    config: TrainingConfig


class DemoController(QObject):
    """One demo at a time; each step can be cancelled, and what was downloaded is kept.

    Signals:
        began: what is done, in words.
        progressed: a Progress (payload).
        ended: however it went.
        prepared: the library may hold the sample now.
        loaded: the demo's setup is in the form.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()
    prepared = Signal()
    loaded = Signal()

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        demo: DemoPort,
        environment: EnvironmentController,
        configs: ConfigsController,
        training: TrainingController,
    ) -> None:
        super().__init__(training)
        self._desk = desk
        self._models = models
        self._demo = demo
        self._environment = environment
        self._configs = configs
        self._training = training
        self._cancel: CancelToken | None = None
        self._name = ""
        self._run_id = ""
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)
        configs.setup_confirmed.connect(self._on_setup_confirmed)
        training.started.connect(self._on_started)
        training.finished.connect(self._on_finished)

    @Slot()
    def try_it(self) -> None:
        """Do all that the demo needs, and start it."""
        if self._cancel is not None:
            self._desk.notices.said.emit("The demo is being made ready already")
        elif self._models.run.status.is_live:
            self._desk.notices.said.emit("A training is running. Try the demo when it has ended.")
        else:
            self._cancel = CancelToken()
            self._desk.tasks.start(self._try(self._cancel))

    @Slot()
    def cancel(self) -> None:
        """Give up; an environment that is just being set up is cancelled by its own controller."""
        if self._cancel is not None:
            self._cancel.cancel()

    async def _try(self, cancel: CancelToken) -> None:
        try:
            if not await self._environment.ensure(TRY_DEMO):
                return
            setup = await self._prepare(cancel)
        except Cancelled:
            self._desk.notices.said.emit("Cancelled. What was downloaded is kept.")
        except AppError as error:
            self._desk.notices.show_error(
                "The demo could not be made ready", error, TRY_DEMO, "Try again"
            )
        else:
            self.prepared.emit()
            self._configs.use(setup)
        finally:
            self._cancel = None

    async def _prepare(self, cancel: CancelToken) -> DemoSetup:
        cancel.raise_if_cancelled()
        self.began.emit("Getting the demo ready")
        try:
            prepared = await self._desk.lanes.work.run(
                self._demo.prepare, self._relay.report, cancel
            )
        finally:
            self.ended.emit()
        return DemoSetup(*prepared)

    @Slot(object)
    def _on_setup_confirmed(self, setup: object) -> None:
        if isinstance(setup, DemoSetup):
            self._models.configs.set_current(setup.saved, setup.config)
            self._models.form.load(setup.config, setup.saved.name)
            self._name = setup.saved.name
            self._desk.tasks.start(self._configs.read_list())
            self.loaded.emit()
            self._training.start()

    @Slot(object)
    def _on_started(self, run: Run) -> None:
        self._run_id = run.id if self._name and run.name == self._name else ""
        self._name = ""

    @Slot(object)
    def _on_finished(self, run: Run) -> None:
        """What came of it, and what to do next."""
        if run.id != self._run_id or run.state is not RunState.FINISHED:
            return
        self._run_id = ""
        result = result_sentence(run)
        text = f"{result[:1].upper()}{result[1:]}. " if result else ""
        self._desk.notices.noticed.emit(
            Notice(
                "The demo has finished",
                f"{text}Now ask the model something it was not trained on.",
                "good",
                TRY_MODEL,
                "Try the model",
                topic="demo",
            )
        )
