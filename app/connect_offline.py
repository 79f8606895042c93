"""What settings and computer mean for the form: Offline mode, tokens and keys, several GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.availability import Circumstances
from models.domain.secrets import HF_TOKEN, RUNPOD_KEY

if TYPE_CHECKING:
    from controllers.settings_controller import SettingsController
    from views.main_window import MainWindow


class OfflineConnection(QObject):
    """Lives as long as the window."""

    def __init__(self, window: MainWindow, settings: SettingsController, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = window.models.settings
        self._form = window.models.form
        self._banner = window.training.offline
        self._controller = settings
        self._hardware = window.models.hardware
        self._settings.changed.connect(self._on_settings_changed)
        self._hardware.changed.connect(self._on_settings_changed)
        self._banner.online_requested.connect(self._on_online_requested)
        self._on_settings_changed()

    @Slot()
    def _on_settings_changed(self) -> None:
        self._banner.set_forced(self._settings.is_forced)
        self._form.set_circumstances(
            Circumstances(
                offline=self._settings.is_offline,
                has_hf_token=self._settings.has_secret(HF_TOKEN),
                has_runpod_key=self._settings.has_secret(RUNPOD_KEY),
                gpu_count=len(self._hardware.hardware.gpus),
            )
        )

    @Slot()
    def _on_online_requested(self) -> None:
        self._controller.set_offline(False)
