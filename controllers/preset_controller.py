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

_TARGET = "training.target"
_OCCASIONS = {"training.skill_level", "training.preset", _TARGET}
_AUTO_SET = PRESETS[TARGET_LOCAL][1]
_READ = {"hp.base_model", "dataset.session", "local.use_gpu"}
"""What presets read and beginners can change."""


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
        self._pending_for = ""
        self._shown_knowing = (False, False)
        self._was_offline = self._form.circumstances.offline
        self._form.edited.connect(self._on_edited)
        self._form.value_changed.connect(self._on_value_changed)
        self._form.loaded.connect(self._on_loaded)
        self._form.circumstances_changed.connect(self._on_circumstances_changed)
        models.hardware.changed.connect(self._on_learned)
        models.datasets.modelReset.connect(self._on_learned)

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

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path in _READ:
            self._show_only()

    @Slot()
    def _on_loaded(self) -> None:
        self._pending = None
        if not self._form.name and self._form.user_config == TrainingConfig():
            self._apply(_As.DEFAULT)
        elif self._form.is_enforced(_TARGET):
            self._apply(_As.ENFORCED)
        else:
            self._show_only()

    @Slot()
    def _on_circumstances_changed(self) -> None:
        offline, before = self._form.circumstances.offline, self._was_offline
        self._was_offline = offline
        if offline == before:
            return
        if self._pending_for != self._form.config.training.target:
            self._pending = None
        if self._form.is_enforced(_TARGET):
            self._apply(_As.ENFORCED)
        else:
            self._show_only()

    @Slot()
    def _on_learned(self) -> None:
        """Computer, model or dataset is known now: what waited for it, or was said without it."""
        if self._pending is not None:
            self._apply(self._pending)
        elif self._shown_knowing != self._known():
            self._show_only()

    def _apply(self, in_name_of: _As) -> None:
        self._pending = None
        if not self._is_beginner():
            return
        if self._must_wait():
            self._pending, self._pending_for = in_name_of, self._form.config.training.target
            self._wait()
            return
        result = self._result()
        if self._form.is_enforced(_TARGET):  # the user's own target has other values
            self._form.apply_enforced(result.values)
        elif in_name_of is _As.DEFAULT:
            self._form.set_defaults(result.values)
        else:
            self._form.apply(result.values)
        self._show(result)
        if result.suggested_model and in_name_of is _As.USER:
            self.model_suggested.emit(result.suggested_model, result.reason)

    def _show_only(self) -> None:
        if not self._is_beginner():
            return
        if self._must_wait():
            self._wait()
        else:
            self._show(self._result())

    def _wait(self) -> None:
        self._shown_knowing = (False, False)
        self._models.preset.wait()

    def _show(self, result: PresetResult) -> None:
        self._shown_knowing = self._known()
        self._models.preset.show(result)

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
        return self._preset == _AUTO_SET and not self._known()[0]

    def _known(self) -> tuple[bool, bool]:
        """Whether computer and base model have been looked at, and whether the rows are known."""
        hardware, config = self._models.hardware, self._form.config
        is_seen = hardware.hardware.probed and hardware.is_asked(config.hp.base_model)
        session = self._models.datasets.by_reference(config.dataset.session)
        return is_seen, session is not None
