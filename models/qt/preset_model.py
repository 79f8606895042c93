"""The Beginner preset as the page shows it: what it set, why, and what was changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import SKILL_BEGINNER

if TYPE_CHECKING:
    from models.domain.presets import PresetResult
    from models.qt.form_model import FormModel

WAITING = "Looking at this computer and the model…"


class PresetModel(QObject):
    """Over the form: the last result of the chosen preset.

    Signals:
        changed: the line or the list of modified settings is another.
    """

    changed = Signal()

    def __init__(self, form: FormModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._form = form
        self._result: PresetResult | None = None
        self._is_waiting = False
        form.value_changed.connect(self._on_value_changed)
        form.reset.connect(self.changed)

    @property
    def result(self) -> PresetResult | None:
        """What the chosen preset sets, once that is known."""
        return self._result

    @property
    def line(self) -> str:
        """What the preset set and why, in one line."""
        if self._is_waiting:
            return WAITING
        return "" if self._result is None else self._result.reason

    @property
    def modified(self) -> tuple[str, ...]:
        """The settings that differ from what the preset sets; empty outside Beginner mode."""
        is_beginner = self._form.value("training.skill_level") == SKILL_BEGINNER
        if self._result is None or self._is_waiting or not is_beginner:
            return ()
        values = self._result.values
        return tuple(path for path, value in values.items() if self._form.value(path) != value)

    @property
    def fits(self) -> bool:
        """Whether the training is expected to fit the memory."""
        return self._is_waiting or self._result is None or self._result.fits

    def wait(self) -> None:
        """The preset needs to know this computer first."""
        self._is_waiting = True
        self.changed.emit()

    def show(self, result: PresetResult) -> None:
        """Take what the chosen preset sets."""
        self._is_waiting = False
        self._result = result
        self.changed.emit()

    @Slot(str)
    def _on_value_changed(self, _path: str) -> None:
        self.changed.emit()
