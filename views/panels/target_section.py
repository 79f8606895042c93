"""Where to train, how much to see, and the preset that fills in the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from models.domain.config import PRESETS
from models.domain.config_io import settings_index
from views.panels.settings_card import SettingsCard
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.fields import ChoiceField

if TYPE_CHECKING:
    from models.qt.preset_model import PresetModel
    from views.panels.setup_form import SetupForm


class TargetSection(SettingsCard):
    """Training target, skill level and Beginner preset.

    Signals:
        preset_again_requested: bring back what the preset sets.
    """

    preset_again_requested = Signal()

    def __init__(self, form: SetupForm) -> None:
        super().__init__(form, "target", "Target and skill level", "presets")
        self._preset = ChoiceField(settings_index()["training.preset"], "Beginner &preset")
        self._presets: PresetModel | None = None
        self._line = text_label("", "muted", wrap=True)
        self._line.setObjectName("training.preset.line")
        self._modified = text_label("", "warning", wrap=True)
        self._modified.setObjectName("training.preset.modified")
        self._again = push_button("Apply again", "link")
        self._again.setObjectName("training.preset.apply")
        self._again.setToolTip("Set everything that the preset sets once more")
        self._note = QWidget()
        self._build()
        form.model.reset.connect(self._show_choices)
        self._again.clicked.connect(self.preset_again_requested)

    def attach(self, presets: PresetModel) -> None:
        """Show what the preset set and why."""
        self._presets = presets
        presets.changed.connect(self._show_preset)
        self._show_preset()

    def _build(self) -> None:
        self.add(("training.target", "training.skill_level"))
        self.adopt(self._form.adopt(self._preset), wide=True)
        row = QHBoxLayout(self._note)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._modified, 1)
        row.addWidget(self._again)
        self._note.hide()
        self._preset.add_below(self._line)
        self._preset.add_below(self._note)
        self._show_choices()

    @Slot()
    def _show_choices(self) -> None:
        target = str(self._form.model.value("training.target"))
        self._preset.set_choices(PRESETS.get(target, ()))
        self._preset.show_value(self._form.model.value("training.preset"))

    @Slot()
    def _show_preset(self) -> None:
        presets = self._presets
        if presets is None:
            return
        self._line.setText(presets.line)
        restyle(self._line, "tone", "" if presets.fits else "bad")
        count = len(presets.modified)
        self._note.setVisible(count > 0)
        names = [settings_index()[path].rule.label for path in presets.modified]
        self._modified.setText(f"Modified: {', '.join(names)}" if count <= 2 else "Modified")
        self._modified.setToolTip(", ".join(names))
