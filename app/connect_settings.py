"""Connects the Settings page, its menus, and what the settings change in the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.settings_controller import SettingsController
from models.domain.app_settings import TEXT_SIZES
from models.qt.wording import use_system_dates
from views.main_window import SETTINGS
from views.theme import current_theme

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from models.domain.app_settings import AppSettings
    from views.main_window import MainWindow
    from views.panels.settings_panel import SettingsPanel


class SettingsConnection(QObject):
    """Lives as long as the window.

    Signals:
        look_changed: theme and text size in percent, to be remembered for the next first frame.
    """

    look_changed = Signal(str, int)

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._model = window.models.settings
        self.controller = SettingsController(desk, window.models, services, self)
        window.when_made(SETTINGS, self._connect_page)
        self._connect_menus()
        self.controller.values_changed.connect(self._on_values_changed)
        self._model.changed.connect(self._show_actions)

    async def read(self) -> None:
        """Read the settings; what the first frame looked like counts where none is stored yet."""
        await self.controller.read_settings(theme=current_theme().mode)

    def read_secrets(self) -> None:
        """Find out which secrets are set, without anybody waiting for it."""
        self.controller.refresh_secrets()

    def _connect_page(self, page: SettingsPanel) -> None:
        controller = self.controller
        page.value_chosen.connect(controller.set_value)
        page.keys.entered.connect(controller.save_secret)
        page.keys.test_requested.connect(controller.test_secret)
        page.keys.remove_requested.connect(controller.remove_secret)
        page.keys.refresh_requested.connect(controller.refresh_secrets)

    def _connect_menus(self) -> None:
        actions = self._window.actions_
        actions.settings.triggered.connect(self._on_settings)
        self._window.training.setup.runpod.settings_requested.connect(self._on_settings)
        actions.offline.triggered.connect(self.controller.set_offline)
        actions.larger.triggered.connect(self._on_larger)
        actions.smaller.triggered.connect(self._on_smaller)
        actions.normal_size.triggered.connect(self._on_normal_size)
        self._window.theme_chosen.connect(self._on_theme_chosen)

    @Slot()
    def _on_settings(self) -> None:
        self._window.show_page(SETTINGS)

    @Slot(str)
    def _on_theme_chosen(self, mode: str) -> None:
        self.controller.set_value("theme", mode)

    @Slot()
    def _on_larger(self) -> None:
        now = self._model.values.text_size
        self._set_size(next((size for size in TEXT_SIZES if size > now), now))

    @Slot()
    def _on_smaller(self) -> None:
        now = self._model.values.text_size
        self._set_size(next((size for size in reversed(TEXT_SIZES) if size < now), now))

    @Slot()
    def _on_normal_size(self) -> None:
        self._set_size(TEXT_SIZES[0])

    def _set_size(self, percent: int) -> None:
        self.controller.set_value("text_size", percent)

    @Slot(object)
    def _on_values_changed(self, values: AppSettings) -> None:
        theme = current_theme()
        theme.set_text_size(values.text_size)
        if theme.mode != values.theme:
            theme.set_mode(values.theme)
        self._window.check_theme(values.theme)
        folder = values.data_root or self._model.data_folder
        if folder:
            self._window.training.setup.set_data_root(Path(folder))
        use_system_dates(values.language == "System")
        self.look_changed.emit(values.theme, values.text_size)

    @Slot()
    def _show_actions(self) -> None:
        model, action = self._model, self._window.actions_.offline
        action.setChecked(model.is_offline)
        action.setEnabled(model.is_ready and not model.is_forced)
        words = "Temper was started offline, so it stays offline until it is closed."
        action.setStatusTip(words if model.is_forced else "")
