"""The rented GPU: what is rented, for how long at most, and what happens at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout

from models.domain.availability import disabled_reason
from models.domain.config_io import settings_index
from views.panels.settings_card import SettingsCard
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.gpu_field import GpuField
from views.widgets.quote_row import QuoteRow

if TYPE_CHECKING:
    from models.qt.runpod_model import RunpodModel
    from views.panels.setup_form import SetupForm

_POD = (
    "runpod.gpu_count", "runpod.cloud", "runpod.data_center",
    "runpod.max_hours", "runpod.max_cost", "runpod.on_finish", "runpod.container_disk",
    "runpod.volume_name", "runpod.volume_size", "runpod.template_name", "runpod.image",
)  # fmt: skip


class RunpodSection(SettingsCard):
    """GPU, limits, volume and template; disabled as a whole, with the reason, where it must be.

    Signals:
        settings_requested: go where the key is set.
    """

    settings_requested = Signal()

    def __init__(self, form: SetupForm, model: RunpodModel) -> None:
        super().__init__(form, "runpod", "Runpod pod", "targets#runpod")
        self._reason = text_label("", "warning", wrap=True)
        self._reason.setObjectName("runpod.reason")
        self.open_settings = push_button("Open Settings")
        self.open_settings.setObjectName("runpod.open_settings")
        self.open_settings.setToolTip("Set the Runpod API key there")
        self.open_settings.clicked.connect(self.settings_requested)
        row = QHBoxLayout()
        row.addWidget(self._reason, 1)
        row.addWidget(self.open_settings)
        self.body.insertLayout(0, row)
        self.gpu = GpuField(model, settings_index()["runpod.gpu"].rule.label)
        self.quote = QuoteRow(model)
        self.adopt(self._form.adopt(self.gpu), wide=True)
        self.add(_POD, wide=("runpod.image",))
        self.grid.add(self.quote, wide=True)
        form.model.circumstances_changed.connect(self._show_reason)
        self._show_reason()

    @Slot()
    def _show_reason(self) -> None:
        circumstances = self._form.model.circumstances
        text = disabled_reason("runpod.start", circumstances)
        self._reason.setText(text)
        self._reason.setVisible(bool(text))
        self.open_settings.setVisible(bool(text) and not circumstances.offline)
        self.quote.set_usable(not text)
