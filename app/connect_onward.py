"""Connects training longer and new adapters on top with the Runs page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.onward_controller import OnwardController
from views.dialogs.onward_dialog import OnwardDialog
from views.main_window import RUNS

if TYPE_CHECKING:
    from app.connect_runs import RunsConnection
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from controllers.training_controller import TrainingController
    from models.domain.run_history import Repetition
    from views.main_window import MainWindow
    from views.panels.runs_panel import RunsPanel


class OnwardConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        services: WindowServices,
        training: TrainingController,
        runs: RunsConnection,
    ) -> None:
        super().__init__(runs)
        self._window = window
        self.controller = OnwardController(desk, window.models, services.history, training)
        self.controller.asked.connect(self._on_asked)
        self.controller.queued.connect(runs.queue.refresh)
        window.when_made(RUNS, self._connect_page)

    def _connect_page(self, page: RunsPanel) -> None:
        page.actions_.longer_requested.connect(self.controller.ask_longer)
        page.actions_.on_top_requested.connect(self.controller.ask_on_top)
        self.controller.began.connect(page.select)

    @Slot(object)
    def _on_asked(self, plan: Repetition) -> None:
        dialog = OnwardDialog(plan, self._window.models.datasets.items, self._window)
        dialog.confirmed.connect(self.controller.begin)
        dialog.open()
