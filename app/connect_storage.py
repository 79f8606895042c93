"""Connects the Storage page with its controller, and with what changes the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from controllers.disk_forecast import DiskForecast
from controllers.storage_controller import StorageController
from views.main_window import STORAGE

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from views.main_window import MainWindow
    from views.panels.storage_panel import StoragePanel


class StorageConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self._window = window
        models = window.models
        self.controller = StorageController(
            desk, models.storage, models.form, services.storage, self
        )
        window.when_made(STORAGE, self._connect_page)
        self._watch(window, wiring)
        self.forecast = DiskForecast(desk, window.models.form, services.storage, self)
        self.forecast.known.connect(window.training.setup.output.show_forecast)

    def _connect_page(self, page: StoragePanel) -> None:
        page.opened.connect(self.controller.look_if_stale)
        page.look_requested.connect(self.controller.look)
        page.rules_chosen.connect(self.controller.set_rules)
        page.clean_requested.connect(self.controller.clean)
        page.pin_requested.connect(self.controller.toggle_pin)
        page.folder_requested.connect(self._on_folder)

    def _watch(self, window: MainWindow, wiring: Wiring) -> None:
        """What is known of the disk is out of date when runs, datasets or images come and go."""
        models = window.models
        for rows in (models.runs, models.datasets, models.docker.images):
            for signal in (rows.modelReset, rows.rowsInserted, rows.rowsRemoved):
                signal.connect(self._on_changed)
        wiring.environment.ended.connect(self._on_changed)
        wiring.settings.controller.values_changed.connect(self._on_changed)

    @Slot()
    def _on_changed(self) -> None:
        """Looked at when the page is opened again; while it is shown, where the user asks."""
        if self._window.page != STORAGE:
            self.controller.expire()

    @Slot(str)
    def _on_folder(self, place: str) -> None:
        path = Path(place)
        folder = path if path.is_dir() else path.parent
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
