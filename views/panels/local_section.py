"""This computer: how the trainer runs here, and what it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from models.domain.config import RUNTIME_DOCKER
from models.domain.config_io import settings_index
from models.qt.docker_words import gpu_list
from views.panels.settings_card import SettingsCard
from views.widgets.card import text_label
from views.widgets.engine_row import EngineRow
from views.widgets.folder_field import FolderField
from views.widgets.image_field import ImageField

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QShowEvent

    from models.qt.app_models import AppModels
    from views.panels.setup_form import SetupForm

_DATA_DIR = "local.host_data_dir"
_DEVICES = "local.gpu_devices"
_DECISIVE = {"local.runtime", "local.use_gpu"}


class LocalSection(SettingsCard):
    """Runtime, host data dir, GPU, token, and the container where there is one.

    With Python nothing of containers is shown but the choice.

    Signals:
        seen: it came into sight.
    """

    seen = Signal()

    def __init__(self, form: SetupForm, models: AppModels) -> None:
        super().__init__(form, "local", "This computer", "targets#local")
        self._docker = models.docker
        self._hardware = models.hardware
        self._folder = FolderField(settings_index()[_DATA_DIR], "Host data dir")
        self.image = ImageField(form.model, models.docker)
        self.engine = EngineRow("docker.engine", models.docker, models.hardware)
        self._cards = text_label("", "muted", wrap=True)
        self._cards.setObjectName(f"{_DEVICES}.list")
        self._build()
        form.model.reset.connect(self._show_docker)
        form.model.value_changed.connect(self._on_value_changed)
        models.docker.changed.connect(self._show_why)
        models.hardware.changed.connect(self._show_cards)
        self._show_docker()

    def set_data_root(self, folder: Path) -> None:
        """Say which folder is meant while none is named."""
        self._folder.set_placeholder(str(folder))

    def _build(self) -> None:
        self.add(("local.runtime", "local.use_gpu"))
        self.grid.add(self.engine, wide=True)
        self.adopt(self._form.adopt(self.image), wide=True)
        self.adopt(self._form.adopt(self._folder), wide=True)
        self.add(("local.container_name", _DEVICES, "local.memory_limit"))
        self._form.fields[_DEVICES].add_below(self._cards)
        # The token's label is longer than half a row: it would push the columns aside.
        self.add(("local.pass_hf_token",), wide=("local.pass_hf_token",))

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path in _DECISIVE:
            self._show_docker()

    @Slot()
    def _show_docker(self) -> None:
        local = self._form.model.config.local
        self.engine.set_wants_gpu(local.use_gpu)
        shown = local.runtime == RUNTIME_DOCKER
        if shown is not self.engine.is_shown:
            self.engine.set_shown(shown)
            self.grid.arrange()
        self._show_why()
        self._show_cards()

    @Slot()
    def _show_why(self) -> None:
        self.engine.set_note(self._docker.chosen_because)

    @Slot()
    def _show_cards(self) -> None:
        words = gpu_list(self._hardware.hardware.gpus)
        self._cards.setText(words)
        self._cards.setVisible(bool(words))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.seen.emit()
