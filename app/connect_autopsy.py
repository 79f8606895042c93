"""Connects the autopsies of failed runs with what their buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.remedy_controller import RemedyController
from models.domain.doctor import SET_UP_PYTHON
from models.domain.remedies import RemedyAction
from views.main_window import DATASETS, RUNS, SETTINGS, TRAINING

if TYPE_CHECKING:
    from app.wiring import Wiring
    from controllers.desk import Desk
    from models.domain.run import Run
    from views.main_window import MainWindow
    from views.panels.runs_panel import RunsPanel

_ACTIONS = {RemedyAction.DOCTOR: "doctor", RemedyAction.IMAGES: "images"}
_PAGES = {RemedyAction.SETTINGS: SETTINGS, RemedyAction.DATASETS: DATASETS}


class AutopsyConnection(QObject):
    """Lives as long as the window."""

    def __init__(self, window: MainWindow, desk: Desk, wiring: Wiring) -> None:
        super().__init__(wiring)
        self._window = window
        self._desk = desk
        self._environment = wiring.environment
        self._training = wiring.training
        self.controller = RemedyController(desk, window.models, wiring.training)
        window.training.run_panel.remedy_requested.connect(self.controller.apply)
        window.when_made(RUNS, self._connect_page)
        self.controller.place_wanted.connect(self._on_place)
        self.controller.environment_wanted.connect(self._on_environment)
        self.controller.setup_wanted.connect(wiring.saved.ask_use)
        self.controller.began.connect(self._on_training)
        self.controller.applied.connect(self._on_training)

    def _connect_page(self, page: RunsPanel) -> None:
        page.run_panel.remedy_requested.connect(self.controller.apply)

    @Slot()
    def _on_training(self) -> None:
        self._window.show_page(TRAINING)

    @Slot(object)
    def _on_place(self, action: RemedyAction) -> None:
        if action in _PAGES:
            self._window.show_page(_PAGES[action])
        elif action in _ACTIONS:
            getattr(self._window.actions_, _ACTIONS[action]).trigger()

    @Slot(object)
    def _on_environment(self, run: Run) -> None:
        self._window.show_page(TRAINING)
        self._desk.tasks.start(self._set_up_and_start(run))

    async def _set_up_and_start(self, run: Run) -> None:
        """The run that lacked it starts, whatever the form says by now."""
        if await self._environment.ensure(SET_UP_PYTHON):
            await self._training.resume_run(run)
