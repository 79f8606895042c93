"""The base model, how it is held in memory, and how much memory the training takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views.panels.model_field import ModelField
from views.panels.settings_card import SettingsCard

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from views.panels.setup_form import SetupForm

_MODEL = ("hp.max_seq_length", "hp.quantization", "hp.method", "hp.beta", "hp.tuning")


class ModelSection(SettingsCard):
    """Base model, sequence length, quantisation, method."""

    def __init__(self, form: SetupForm) -> None:
        super().__init__(form, "model", "Model", "hyperparameters#model")
        self.base_model = ModelField("&Base model")
        self.adopt(form.adopt(self.base_model), wide=True)

    def complete(self, memory: QWidget) -> None:
        """Build what the first frame does not show; ``memory`` says what the training takes."""
        self.add(_MODEL)
        self.body.addWidget(memory)
