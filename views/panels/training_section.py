"""How long and in what portions to train, and what the numbers add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from views.panels.settings_card import SettingsCard
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from models.qt.datasets_model import DatasetsModel
    from views.panels.dataset_field import DatasetField
    from views.panels.setup_form import SetupForm

_RATE = "hp.learning_rate"
_REST = (
    "hp.max_steps", "hp.learning_rate", "hp.batch_size", "hp.grad_accum",
    "hp.packing", "hp.assistant_only_loss", "hp.train_on",
)  # fmt: skip


class TrainingSection(SettingsCard):
    """Epochs, steps, batch and packing, with the line of effective batch and steps beneath."""

    def __init__(self, form: SetupForm, library: DatasetField) -> None:
        super().__init__(form, "training", "Training", "hyperparameters#how-long-and-how-fast")
        self._library = library
        self._estimate = text_label("", "muted", wrap=True)
        self._estimate.setObjectName("hp.estimate")
        self._estimate.hide()
        self._rate_note = text_label("", "", wrap=True)
        self._rate_note.setObjectName("hp.rate_note")
        self._rate_note.hide()
        self.add(("hp.epochs",))
        self.body.addWidget(self._estimate)
        self.body.addWidget(self._rate_note)

    def complete(self, datasets: DatasetsModel) -> None:
        """Build what the first frame does not show."""
        self.add(_REST)
        datasets.modelReset.connect(self._show_estimate)
        datasets.rowsInserted.connect(self._show_estimate)
        self._form.model.reset.connect(self._show_estimate)
        self._form.model.value_changed.connect(self._show_estimate)
        self._form.model.circumstances_changed.connect(self._show_estimate)
        restyle(self._rate_note, "tone", "warning")
        self._form.model.reset.connect(self._show_rate_note)
        self._form.model.value_changed.connect(self._show_rate_note)
        self._form.arranged.connect(self._show_rate_note)
        self._show_estimate()
        self._show_rate_note()

    @Slot()
    def _show_estimate(self, _path: str = "") -> None:
        from models.qt.step_estimate import estimate_steps  # not needed for the first frame

        model = self._form.model
        gpus = model.circumstances.gpu_count
        estimate = estimate_steps(model.config, self._library.session, gpus)
        self._estimate.setText("" if estimate is None else estimate.sentence())
        self._estimate.setVisible(estimate is not None)

    @Slot()
    def _show_rate_note(self, _path: str = "") -> None:
        """At the field, or beneath the estimate where beginners do not see the field."""
        from models.domain.methods import rate_note

        text, field = rate_note(self._form.model.config.hp), self._form.fields[_RATE]
        field.show_note(text)
        self._rate_note.setText(text)
        self._rate_note.setVisible(bool(text) and not field.is_shown)
