"""Applies the Beginner presets: in full, at every change of skill level, preset or target."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import PRESETS, SKILL_BEGINNER, TARGET_LOCAL, TrainingConfig
from models.domain.presets import PresetContext, apply_preset
from models.qt.step_estimate import training_rows

if TYPE_CHECKING:
    from models.domain.presets import PresetResult
    from models.qt.app_models import AppModels

_OCCASIONS = {"training.skill_level", "training.preset", "training.target"}
_AUTO_SET = PRESETS[TARGET_LOCAL][1]
_AUTO_SET_READS = {"hp.base_model", "hp.max_seq_length", "hp.quantization", "hp.lora_r"}


class _As(Enum):
    """In whose name a preset's values are set."""

    USER = "user"
    DEFAULT = "default"
    ENFORCED = "enforced"


class PresetController(QObject):
    """Between the form, what is known of this computer, and the presets' pure functions.

    Loading a configuration applies nothing: its values win, and show as modified.

    Signals:
        model_suggested: the repo id of a smaller base model, to be asked about, and why.
    """

    model_suggested = Signal(str, str)

    def __init__(self, models: AppModels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._form = models.form
        self._pending: _As | None = None
        self._was_offline = self._form.circumstances.offline
        self._form.edited.connect(self._on_edited)
        self._form.loaded.connect(self._on_loaded)
        self._form.circumstances_changed.connect(self._on_circumstances_changed)
        models.hardware.changed.connect(self._on_hardware_changed)

    @Slot()
    def apply_again(self) -> None:
        """Bring back everything that the preset sets."""
        self._apply(_As.USER)

    def begin(self) -> None:
        """Apply the preset to a setup that is new; it does not count as edited."""
        self._apply(_As.DEFAULT)

    @Slot(str)
    def _on_edited(self, path: str) -> None:
        if path in _OCCASIONS:
            self._apply(_As.USER)
        elif path in _AUTO_SET_READS and self._preset == _AUTO_SET:
            self._show_only()

    @Slot()
    def _on_loaded(self) -> None:
        self._pending = None
        if not self._form.name and self._form.user_config == TrainingConfig():
            self._apply(_As.DEFAULT)
        elif self._form.is_enforced("training.target"):
            self._apply(_As.ENFORCED)
        else:
            self._show_only()

    @Slot()
    def _on_circumstances_changed(self) -> None:
        offline, before = self._form.circumstances.offline, self._was_offline
        self._was_offline = offline
        if offline and not before and self._form.is_enforced("training.target"):
            self._apply(_As.ENFORCED)
        elif offline != before:
            self._show_only()

    @Slot()
    def _on_hardware_changed(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            self._apply(pending)
        elif self._models.preset.result is None:
            self._show_only()

    def _apply(self, in_name_of: _As) -> None:
        if not self._is_beginner():
            return
        if self._must_wait():
            self._pending = in_name_of
            self._models.preset.wait()
            return
        result = self._result()
        if in_name_of is _As.DEFAULT:
            self._form.set_defaults(result.values)
        elif in_name_of is _As.ENFORCED:
            self._form.apply_enforced(result.values)
        else:
            self._form.apply(result.values)
        self._models.preset.show(result)
        if result.suggested_model and in_name_of is _As.USER:
            self.model_suggested.emit(result.suggested_model, result.reason)

    def _show_only(self) -> None:
        if self._is_beginner() and not self._must_wait():
            self._models.preset.show(self._result())

    def _result(self) -> PresetResult:
        hardware, config = self._models.hardware, self._form.config
        session = self._models.datasets.by_reference(config.dataset.session)
        model = config.hp.base_model
        context = PresetContext(
            hardware=hardware.hardware,
            models=self._models.base_models,
            shape=hardware.shape(model),
            rows=None if session is None else training_rows(config, session),
            factor=hardware.factor(model, hardware.device_for(config)),
        )
        return apply_preset(config.training.preset, config, context)

    @property
    def _preset(self) -> str:
        return str(self._form.value("training.preset"))

    def _is_beginner(self) -> bool:
        return self._form.value("training.skill_level") == SKILL_BEGINNER

    def _must_wait(self) -> bool:
        return self._preset == _AUTO_SET and not self._models.hardware.hardware.probed
