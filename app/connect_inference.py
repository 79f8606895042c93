"""Quick Local Inference in the window: a controller for each page, and the memory they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.inference_controller import InferenceController
from models.domain.config import TARGET_LOCAL
from views.main_window import RUNS

if TYPE_CHECKING:
    from pathlib import Path

    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from controllers.run_follower import RunFollower
    from controllers.runs_controller import RunsController
    from controllers.training_controller import TrainingController
    from models.domain.run import Run
    from models.qt.run_models import RunModels
    from views.main_window import MainWindow
    from views.panels.inference_panel import InferencePanel
    from views.panels.runs_panel import RunsPanel
    from views.window_dialogs import WindowDialogs

TRAINING_HOLDS = "A training is running on this computer. Try the model when it has ended."


class InferenceConnection(QObject):
    """The controllers of both pages, connected with their panels and with the training.

    A training on this computer gets the memory: what is loaded is unloaded before it starts, and
    no prompt is taken while it runs.
    """

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._desk = desk
        self._engine = services.inference
        models, runs = window.models, services.runs
        self.training = InferenceController(desk, models.run, runs, self._engine, self)
        self.shown = InferenceController(desk, models.shown_run, runs, self._engine, self)
        self._pages = (self.training, self.shown)

    def connect_training(
        self, training: TrainingController, runs: RunsController, follower: RunFollower
    ) -> None:
        """Offer what has finished or is shown, and make room for what starts."""
        self._follower = follower
        for page in self._pages:
            training.finished.connect(page.offer)
        runs.shown.connect(self.shown.offer)
        training.before_start(self.make_room)
        training.started.connect(self._on_training_moved)
        follower.updated.connect(self._on_training_moved)
        self._window.models.run.status.changed.connect(self._on_training_moved)

    def connect_views(self, dialogs: WindowDialogs) -> None:
        """Connect the panels of both pages."""
        self._connect_panel(self._window.training.run_panel.inference, self.training)
        self._window.when_made(RUNS, self._connect_page)
        self._dialogs = dialogs
        dialogs.chat_path_chosen.connect(self._on_path)

    def cancel(self) -> None:
        """End all answers on their way."""
        for page in self._pages:
            page.cancel()

    async def make_room(self) -> None:
        """Give the model's memory back, and return only when it is free."""
        self.cancel()
        # In another lane than the one that waits for the answer, so that nothing is waited for;
        # then behind it, for a prompt that was just about to load the model once more.
        await self._desk.lanes.runs.run(self._engine.unload)
        await self._desk.lanes.inference.run(self._engine.unload)

    def _connect_page(self, page: RunsPanel) -> None:
        self._connect_panel(page.run_panel.inference, self.shown)

    def _connect_panel(self, panel: InferencePanel, page: InferenceController) -> None:
        panel.run_requested.connect(page.run)
        panel.cancel_requested.connect(page.cancel)
        panel.clear_requested.connect(page.clear)
        panel.samples_requested.connect(page.refresh_samples)
        panel.look_again_requested.connect(page.look_again)
        panel.export_requested.connect(self._on_export)

    def _is_training_here(self) -> bool:
        models = self._window.models
        if models.run.status.is_starting:
            return models.form.config.training.target == TARGET_LOCAL
        shown = models.run.status.run
        runs = [*models.runs.items, *([] if shown is None else [shown])]
        return any(self._is_live_here(run) for run in runs)

    def _is_live_here(self, run: Run) -> bool:
        """Of a run that nobody follows, as one of another program, only the past is known."""
        here = run.config.training.target == TARGET_LOCAL
        return here and run.state.is_live and self._follower.is_following(run.id)

    @Slot()
    def _on_training_moved(self) -> None:
        reason = TRAINING_HOLDS if self._is_training_here() else ""
        for shown in (self._window.models.run, self._window.models.shown_run):
            shown.inference.hold(reason)

    @Slot(object)
    def _on_export(self, shown: RunModels) -> None:
        self._dialogs.ask_chat_path(shown)

    @Slot(object, object)
    def _on_path(self, shown: RunModels, path: Path) -> None:
        page = self.training if shown is self._window.models.run else self.shown
        page.export(path)
