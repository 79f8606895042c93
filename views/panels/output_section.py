"""Where the adapter goes, whether an unfinished run goes on, and whether it is pushed."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from models.domain.config import TARGET_LOCAL
from models.qt.storage_words import forecast_note, forecast_sentence, forecast_tone
from views.panels.settings_card import SettingsCard
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from models.domain.storage_forecast import StorageForecast
    from views.panels.setup_form import SetupForm

_DIRECTORY = "output.directory"
_FOLDER = {_DIRECTORY, "local.host_data_dir", "training.target"}
_RESUME = ("hp.auto_resume", "hp.resume_from")
_PUSH = ("hp.push_to_hub", "hp.hub_repo", "hp.hub_private", "hp.hub_content")


class OutputSection(SettingsCard):
    """Output directory with the real folder it maps to, resuming, pushing to the Hub."""

    def __init__(self, form: SetupForm) -> None:
        super().__init__(form, "output", "Output", "output")
        self._data_root = Path()
        self._folder = text_label("", "muted", wrap=True)
        self._folder.setObjectName("output.folder")
        self._disk = text_label("", "muted", wrap=True)
        self._disk.setObjectName("output.disk")
        self._disk.hide()
        self.add((_DIRECTORY,), wide=(_DIRECTORY,))
        form.fields[_DIRECTORY].add_below(self._folder)
        form.fields[_DIRECTORY].add_below(self._disk)
        form.model.reset.connect(self._show_folder)
        form.model.value_changed.connect(self._on_value_changed)
        self.add(_RESUME, wide=("hp.resume_from",))
        self.add(_PUSH, wide=("hp.hub_repo",))

    def set_data_root(self, folder: Path) -> None:
        """Say which real folder the trainer sees as /data unless the setup names another."""
        self._data_root = folder
        self._show_folder()

    @Slot(object)
    def show_forecast(self, forecast: StorageForecast | None) -> None:
        """Say what the training would take of the disk, and whether there is room."""
        self._disk.setText("" if forecast is None else forecast_note(forecast))
        self._disk.setToolTip("" if forecast is None else forecast_sentence(forecast))
        tone = "" if forecast is None else forecast_tone(forecast)
        restyle(self._disk, "tone", tone)
        restyle(self._disk, "role", "" if tone else "muted")
        self._disk.setVisible(forecast is not None)

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path in _FOLDER:
            self._show_folder()

    @Slot()
    def _show_folder(self) -> None:
        text = self._where()
        self._folder.setText(text)
        self._folder.setVisible(bool(text))

    def _where(self) -> str:
        from models.domain.remote_plan import has_volume

        config = self._form.model.config
        directory = PurePosixPath(config.output.directory)
        if not directory.is_relative_to("/data") or ".." in directory.parts:
            return ""
        if config.training.target != TARGET_LOCAL and not has_volume(config.runpod):
            return "On the pod's own disk, mounted at /data, until it is brought here."
        if config.training.target != TARGET_LOCAL:
            return f"On the network volume {config.runpod.volume_name}, mounted at /data."
        chosen = config.local.host_data_dir.strip()
        root = Path(chosen).expanduser() if chosen else self._data_root
        return f"On this computer: {root.joinpath(*directory.parts[2:])}"
