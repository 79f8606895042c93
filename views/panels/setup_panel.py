"""The left column of the Training page: the whole setup, in cards that fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from views.panels.dataset_section import DatasetSection
from views.panels.setup_form import SetupForm
from views.panels.target_section import TargetSection
from views.widgets.card import Card
from views.widgets.fold_card import FoldCard
from views.widgets.page_column import ScrollColumn, reveal

if TYPE_CHECKING:
    from pathlib import Path

    from models.qt.app_models import AppModels
    from models.qt.form_model import FormModel
    from views.panels.config_section import ConfigSection
    from views.panels.local_section import LocalSection
    from views.panels.model_section import ModelSection
    from views.panels.output_section import OutputSection
    from views.panels.runpod_section import RunpodSection
    from views.panels.training_section import TrainingSection
    from views.widgets.memory_bar import MemoryBar

_LORA = ("hp.lora_r", "hp.lora_alpha", "hp.lora_dropout", "hp.lora_variant", "hp.lora_targets")
_OPTIMISER = (
    "hp.optimizer", "hp.scheduler", "hp.warmup_ratio", "hp.weight_decay", "hp.max_grad_norm",
    "hp.seed", "hp.precision", "hp.gradient_checkpointing",
)  # fmt: skip
_MEASURING = (
    "hp.eval_steps", "hp.early_stopping", "hp.save_steps", "hp.save_total_limit",
    "hp.logging_steps", "hp.report_to", "hp.load_best",
)  # fmt: skip

_LEAST_WIDTH = 372
"""What the buttons of the Configuration section need side by side, and the scroll bar."""
_CONFIG_HEIGHT = 164
"""Of the Configuration section without saved setups, whose place is kept in the first frame."""


class SetupPanel(ScrollColumn):
    """Cards of settings that scroll; what the first frame does not show is built later."""

    config: ConfigSection
    memory: MemoryBar
    model_card: ModelSection
    training: TrainingSection
    output: OutputSection
    local: LocalSection
    runpod: RunpodSection

    def __init__(self, model: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._data_root: Path | None = None
        self.form = SetupForm(model, self)
        self.target = TargetSection(self.form)
        self.data = DatasetSection(self.form)
        self._place = Card("Configuration")
        self._place.setFixedHeight(_CONFIG_HEIGHT)
        self._settings = QWidget()
        self._stack = QVBoxLayout(self._settings)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.setSpacing(self.column.spacing())
        for card in (self.target, self.data):
            self._stack.addWidget(card)
        self.column.addWidget(self._place)
        self.column.addWidget(self._settings)
        self.column.addStretch(1)
        self.setMinimumWidth(_LEAST_WIDTH)

    def complete(self, models: AppModels) -> None:
        """Build what the first frame does not show; called once."""
        from views.panels.config_section import ConfigSection
        from views.panels.model_section import ModelSection
        from views.panels.training_section import TrainingSection
        from views.widgets.hold_still import HoldStill
        from views.widgets.memory_bar import MemoryBar

        self.memory = MemoryBar(self._model, models.hardware)
        self.config = ConfigSection(self._model, models.configs)
        self.config.mode_changed.connect(self._on_mode_changed)
        # Not replaceWidget: PySide then frees the layout's item a second time, which crashes.
        self.column.removeWidget(self._place)
        self.column.insertWidget(0, self.config)
        self._place.deleteLater()
        self.target.attach(models.preset)
        self.data.complete(models.datasets)
        self.model_card = ModelSection(self.form)
        self.training = TrainingSection(self.form, self.data.library)
        for card in (self.model_card, self.training):
            self._stack.addWidget(card)
        self.model_card.complete(self.memory)
        self.training.complete(models.datasets)
        self._add_expert_cards()
        self._add_places(models)
        still = HoldStill(self)
        self.form.touched.connect(still.hold)
        self.memory.changes.connect(still.hold)

    def set_data_root(self, folder: Path) -> None:
        """Say which real folder the trainer sees as /data unless the setup names another."""
        self._data_root = folder
        if hasattr(self, "output"):
            self.output.set_data_root(folder)
            self.local.set_data_root(folder)

    @Slot(str)
    def _on_mode_changed(self, mode: str) -> None:
        """A saved configuration runs word for word: its settings fold into the summary."""
        from models.qt.configs_model import MODE_RUN  # not needed for the first frame

        self._settings.setVisible(mode != MODE_RUN)

    @property
    def cards(self) -> tuple[FoldCard, ...]:
        """All cards of settings, from top to bottom."""
        return tuple(self.findChildren(FoldCard))

    def show_first_problem(self) -> None:
        """Bring the first field that is wrong into view and give it the focus; all of them can be
        seen, as each may have a button that mends it."""
        wrong = self.form.wrong_fields()
        for field in wrong:
            self._unfold(field)
        if wrong:
            reveal(wrong[0])
            wrong[0].editor.setFocus()

    @Slot()
    def show_memory(self) -> None:
        """Bring the memory that the training takes into view, and what decides it."""
        self._unfold(self.memory)
        reveal(self.memory)
        self.model_card.base_model.editor.setFocus()

    @Slot()
    def show_gpu(self) -> None:
        """Bring the rented GPU into view, with what Runpod says of it beneath; or the way to the
        key that is missing."""
        self._unfold(self.runpod.gpu)
        reveal(self.runpod.quote)
        self.runpod.gpu.editor.setFocus()
        reveal(self.runpod.gpu)
        if not self.runpod.open_settings.isHidden():
            self.runpod.open_settings.setFocus()
            reveal(self.runpod.open_settings)

    def _unfold(self, widget: QWidget) -> None:
        self.config.edit_setup()  # where the settings are not folded away
        parent = widget.parentWidget()
        while parent is not None:
            if isinstance(parent, FoldCard):
                parent.set_open(True)
            parent = parent.parentWidget()

    def _add_expert_cards(self) -> None:
        from views.panels.settings_card import SettingsCard

        for name, title, anchor, paths, wide in (
            ("lora", "LoRA", "lora", _LORA, ("hp.lora_targets",)),
            ("optimiser", "Optimiser and schedule", "optimiser-and-schedule", _OPTIMISER, ()),
            (
                "measuring",
                "Evaluation and checkpoints",
                "measuring-saving-reporting",
                _MEASURING,
                ("hp.load_best",),
            ),
        ):
            topic = f"hyperparameters#{anchor}"
            card = SettingsCard(self.form, name, title, topic, is_open=False)
            card.add(paths, wide)
            self._append(card)

    def _add_places(self, models: AppModels) -> None:
        from views.panels.local_section import LocalSection
        from views.panels.output_section import OutputSection
        from views.panels.runpod_section import RunpodSection

        self.output = OutputSection(self.form)
        self.local = LocalSection(self.form, models)
        self.runpod = RunpodSection(self.form, models.runpod)
        for card in (self.output, self.local, self.runpod):
            self._append(card)
        if self._data_root is not None:
            self.set_data_root(self._data_root)

    def _append(self, card: QWidget) -> None:
        self._stack.addWidget(card)
