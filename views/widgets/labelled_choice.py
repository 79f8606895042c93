"""One of a few values, each shown in words of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from views.widgets.fields import CalmComboBox, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.domain.config_io import SettingInfo


class LabelledChoice(Field):
    """A combo box over values and their words."""

    def __init__(self, info: SettingInfo, label: str, words: Mapping[object, str]) -> None:
        self._combo = CalmComboBox()
        super().__init__(info, self._combo, label)
        for value, text in words.items():
            self._combo.addItem(text, value)
        self._combo.activated.connect(self._on_activated)

    def show_value(self, value: object) -> None:
        """Show a value; one that is not on offer, set elsewhere, is added as it is."""
        place = self._combo.findData(value)
        if place < 0:
            unit = f" {self.info.rule.unit}" if self.info.rule.unit else ""
            self._combo.addItem(f"{value}{unit}", value)
            place = self._combo.count() - 1
        self._combo.setCurrentIndex(place)

    @Slot(int)
    def _on_activated(self, place: int) -> None:
        self.edited.emit(self.info.path, self._combo.itemData(place))
