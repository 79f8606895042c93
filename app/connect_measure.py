"""Connects the measurement of a setup with the button beside the estimate of its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.measure_controller import MeasureController

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from services.progress import Progress
    from views.main_window import MainWindow


class MeasureConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        training = wiring.training
        self.controller = MeasureController(desk, window.models, services.probe, training)
        self._memory = window.training.setup.memory
        self._bar = window.training.measuring
        self._memory.measure_requested.connect(self.controller.start)
        self._bar.cancel_requested.connect(self.controller.cancel)
        window.training.banner.action_requested.connect(self.controller.on_action)
        self.controller.began.connect(self._bar.begin)
        self.controller.began.connect(self._on_began)
        self.controller.progressed.connect(self._on_progress)
        self.controller.ended.connect(self._bar.end)
        self.controller.ended.connect(self._on_ended)
        self.controller.measured.connect(wiring.hardware.controller.refresh)
        self.controller.problems_found.connect(training.problems_found)

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        self._bar.show_progress(progress.fraction, progress.message)

    @Slot()
    def _on_began(self) -> None:
        self._memory.measure.setEnabled(False)

    @Slot()
    def _on_ended(self) -> None:
        self._memory.measure.setEnabled(True)
