"""Connects what the pages tell of a run's pod, and the way to it in Runpod's console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from controllers.pod_watch import PodWatch

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from views.main_window import MainWindow


class RentedConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.watch = PodWatch(desk, window.models, services.rented, self)
        panels = [window.training.run_panel]
        if window.runs is not None:
            panels.append(window.runs.run_panel)
        for panel in panels:
            panel.pod.console_requested.connect(self._open)
        window.closed.connect(self.watch.stop)

    @Slot(str)
    def _open(self, page: str) -> None:
        QDesktopServices.openUrl(QUrl(page))
