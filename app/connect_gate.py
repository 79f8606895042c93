"""Connects the check of the data before a start with the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.data_gate import SHOW_REFUSED, START_ANYWAY, DataGate
from controllers.early_check import EarlyCheck

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from controllers.environment_controller import EnvironmentController
    from services.progress import Progress
    from views.main_window import MainWindow


class GateConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self.early = EarlyCheck(desk, window.models, services.early, self)
        self.controller = DataGate(desk, services.learning, self.early, self)
        window.models.base_library.modelReset.connect(self.early.rest)  # one may be here now
        self._bar = window.training.checking
        self.controller.began.connect(self._bar.begin)
        self.controller.progressed.connect(self._on_progress)
        self.controller.ended.connect(self._bar.end)
        self._bar.cancel_requested.connect(self.controller.cancel)
        window.training.banner.action_requested.connect(self._on_action)

    def follow(self, environment: EnvironmentController) -> None:
        """What was set up can look at data."""
        environment.ended.connect(self.early.rest)

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == START_ANYWAY:
            self.controller.start_anyway()
        elif action == SHOW_REFUSED:
            self.controller.show_again()

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        self._bar.show_progress(progress.fraction, progress.message)
