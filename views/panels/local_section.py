"""This computer: how the trainer runs here, and what it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config_io import settings_index
from views.panels.settings_card import SettingsCard
from views.widgets.folder_field import FolderField

if TYPE_CHECKING:
    from pathlib import Path

    from views.panels.setup_form import SetupForm

_DATA_DIR = "local.host_data_dir"
_IMAGE = "local.image"


class LocalSection(SettingsCard):
    """Runtime, host data dir, GPU, token, and the container where there is one."""

    def __init__(self, form: SetupForm) -> None:
        super().__init__(form, "local", "This computer", "targets#local")
        self._folder = FolderField(settings_index()[_DATA_DIR], "Host data dir")
        self.add(("local.runtime", "local.use_gpu"))
        self.adopt(form.adopt(self._folder), wide=True)
        # The token's label is longer than half a row: it would push the columns aside.
        wide = (_IMAGE, "local.pass_hf_token")
        self.add((_IMAGE, "local.container_name", "local.pass_hf_token"), wide=wide)
        self.add(("local.gpu_devices", "local.memory_limit"))

    def set_data_root(self, folder: Path) -> None:
        """Say which folder is meant while none is named."""
        self._folder.set_placeholder(str(folder))
