"""Connects the Runpod section with its quote, and what the pages tell of a run's pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from controllers.pod_watch import PodWatch
from controllers.runpod_controller import RunpodController
from views.main_window import RUNS

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from views.main_window import MainWindow
    from views.panels.runs_panel import RunsPanel


class RentedConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.watch = PodWatch(desk, window.models, services.rented, self)
        window.training.run_panel.pod.console_requested.connect(self._open)
        window.when_made(RUNS, self._connect_page)
        self.quotes = RunpodController(desk, window.models, services.remote, self)
        section = window.training.setup.runpod
        section.gpu.refresh_requested.connect(self.quotes.refresh)
        section.quote.ensure_requested.connect(self.quotes.ensure)
        self._model = window.models.runpod
        self._start_bar = window.training.start_bar
        self._model.changed.connect(self._show_quote)
        window.closed.connect(self._stop)

    def _connect_page(self, page: RunsPanel) -> None:
        page.run_panel.pod.console_requested.connect(self._open)

    @Slot()
    def _show_quote(self) -> None:
        self._start_bar.show_quote(self._model.short, self._model.against)

    @Slot()
    def _stop(self) -> None:
        self.watch.stop()
        self.quotes.stop()

    @Slot(str)
    def _open(self, page: str) -> None:
        QDesktopServices.openUrl(QUrl(page))
