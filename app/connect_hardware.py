"""Connects the window with what is known of this computer's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Slot

from controllers.hardware_controller import HardwareController

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from controllers.training_controller import TrainingController
    from models.domain.run import Run
    from views.main_window import MainWindow

_SEEN_OR_NOT = {QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.WindowStateChange}


class HardwareConnection(QObject):
    """Lives as long as the window; probes while it is on the screen."""

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        services: WindowServices,
        training: TrainingController,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._window = window
        self.controller = HardwareController(
            desk,
            window.models,
            probe=services.gpus,
            shapes=services.shapes,
            peaks=services.peaks,
            parent=self,
        )
        training.finished.connect(self._on_finished)
        window.installEventFilter(self)
        window.closed.connect(self._on_closed)

    def start(self) -> None:
        """Look for the first time, and go on while the window is seen."""
        self.controller.start()
        self._watch()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() in _SEEN_OR_NOT:
            self._watch()
        return super().eventFilter(watched, event)

    def _watch(self) -> None:
        is_seen = self._window.isVisible() and not self._window.isMinimized()
        self.controller.set_watched(is_seen)

    @Slot()
    def _on_closed(self) -> None:
        """While the window is taken apart it is still told of events, and half of it is gone."""
        self._window.removeEventFilter(self)
        self.controller.set_watched(False)

    @Slot(object)
    def _on_finished(self, _run: Run) -> None:
        self.controller.refresh()
