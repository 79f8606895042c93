"""Connects the Doctor page: opening it, its buttons, and what the program can do about a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication

from controllers.doctor_controller import DoctorController
from models.domain.doctor import MANAGE_IMAGE, OPEN_SETTINGS, SET_UP_PYTHON
from views.main_window import DOCTOR, SETTINGS, TRAINING

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from models.domain.app_settings import AppSettings
    from views.main_window import MainWindow
    from views.panels.doctor_panel import DoctorPanel


class DoctorConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self._window = window
        self._desk = desk
        self._environment = wiring.environment
        self._looked_at: tuple[object, ...] = ()
        self.controller = DoctorController(desk, window.models.doctor, services.doctor, self)
        self.controller.reported.connect(self._on_reported)
        window.actions_.doctor.triggered.connect(self._on_doctor)
        window.when_made(DOCTOR, self._connect_page)
        window.training.banner.action_requested.connect(self._on_action)
        settings = wiring.settings.controller
        settings.values_changed.connect(self._on_values_changed)
        settings.secrets_changed.connect(self._on_changed)
        wiring.environment.ended.connect(self._on_changed)
        self._docker = window.models.docker
        self._engine: tuple[object, ...] = self._engine_of_now()
        self._docker.changed.connect(self._on_docker_changed)

    def _connect_page(self, page: DoctorPanel) -> None:
        controller = self.controller
        page.opened.connect(controller.check_if_stale)
        page.check_requested.connect(controller.check)
        page.stop_requested.connect(controller.cancel)
        page.report_requested.connect(controller.copy_report)
        page.remedy_requested.connect(self._on_remedy)

    @Slot()
    def _on_doctor(self) -> None:
        self._window.show_page(DOCTOR)

    @Slot(str)
    def _on_remedy(self, remedy: str) -> None:
        if remedy == SET_UP_PYTHON:
            self._window.show_page(TRAINING)  # where its progress is shown
            self._on_action(remedy)
        elif remedy == OPEN_SETTINGS:
            self._window.show_page(SETTINGS)
        elif remedy == MANAGE_IMAGE:
            self._window.actions_.images.trigger()

    @Slot(str)
    def _on_action(self, action: str) -> None:
        """Set up the environment, first or again; unlike at Start, no training follows."""
        if action == SET_UP_PYTHON:
            self._desk.tasks.start(self._set_up_python())

    async def _set_up_python(self) -> None:
        if await self._environment.ensure(SET_UP_PYTHON):
            self._desk.notices.said.emit("The training environment is ready")

    @Slot(object)
    def _on_values_changed(self, values: AppSettings) -> None:
        """How the program looks is none of the doctor's business."""
        looked_at = (values.offline, values.proxy, values.data_root)
        if looked_at != self._looked_at:
            self._looked_at = looked_at
            self._on_changed()

    @Slot()
    def _on_docker_changed(self) -> None:
        """An engine that comes or goes, an image that was fetched or removed."""
        now = self._engine_of_now()
        if now != self._engine and not self._docker.is_looking and self._docker.task is None:
            self._engine = now
            self._on_changed()

    def _engine_of_now(self) -> tuple[object, ...]:
        return self._docker.engine is not None, self._docker.images.rowCount()

    @Slot()
    def _on_changed(self) -> None:
        """What was found may be out of date: look again now, or when the page is next opened."""
        self.controller.expire()
        if self._window.page == DOCTOR:
            self.controller.check_if_stale()

    @Slot(str)
    def _on_reported(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
