"""The rented GPU: what is rented, for how long at most, and what happens at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from models.domain.availability import disabled_reason
from views.panels.settings_card import SettingsCard
from views.widgets.card import text_label

if TYPE_CHECKING:
    from views.panels.setup_form import SetupForm

_POD = (
    "runpod.gpu", "runpod.gpu_count", "runpod.cloud", "runpod.data_center",
    "runpod.max_hours", "runpod.max_cost", "runpod.on_finish", "runpod.container_disk",
    "runpod.volume_name", "runpod.volume_size", "runpod.template_name", "runpod.image",
)  # fmt: skip


class RunpodSection(SettingsCard):
    """GPU, limits, volume and template; disabled as a whole, with the reason, where it must be."""

    def __init__(self, form: SetupForm) -> None:
        super().__init__(form, "runpod", "Runpod pod", "targets#runpod")
        self._reason = text_label("", "warning", wrap=True)
        self._reason.setObjectName("runpod.reason")
        self.body.insertWidget(0, self._reason)
        self.add(_POD, wide=("runpod.image",))
        form.model.circumstances_changed.connect(self._show_reason)
        self._show_reason()

    @Slot()
    def _show_reason(self) -> None:
        text = disabled_reason("runpod.gpu", self._form.model.circumstances)
        self._reason.setText(text)
        self._reason.setVisible(bool(text))
