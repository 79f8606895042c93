"""Choosing the base model: any repo id or folder, with a list of good ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLineEdit

from models.domain.config_io import settings_index
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.base_models import BaseModel

PATH = "hp.base_model"


class ModelField(Field):
    """An editable combo box of repo ids; the name people know stands in the list and beneath."""

    def __init__(self, label: str) -> None:
        combo = CalmComboBox()
        line = QLineEdit()
        combo.setLineEdit(line)
        combo.setInsertPolicy(CalmComboBox.InsertPolicy.NoInsert)
        super().__init__(settings_index()[PATH], combo, label)
        self._combo = combo
        self._line = line
        self._models: dict[str, BaseModel] = {}
        self._caption = text_label("", "muted", wrap=True)
        self._caption.setObjectName("hp.base_model.caption")
        self._caption.hide()
        self.add_below(self._caption)
        line.setAccessibleName(self.info.rule.label)
        line.setPlaceholderText("user/model or a folder")
        line.textEdited.connect(self._on_text_edited)
        combo.activated.connect(self._on_activated)

    def set_models(self, models: Sequence[BaseModel]) -> None:
        """Offer these models."""
        from views.widgets.model_delegate import LABEL_ROLE, ModelDelegate  # not in first frame

        shown = self._combo.currentText()
        self._models = {model.repo: model for model in models}
        self._combo.clear()
        for model in models:
            self._combo.addItem(model.repo)
            self._combo.setItemData(self._combo.count() - 1, model.label, LABEL_ROLE)
        self._combo.setItemDelegate(ModelDelegate(self._combo))
        self.show_value(shown)

    def summary(self, value: object) -> str:
        return str(value)

    def show_value(self, value: object) -> None:
        text = str(value)
        self._combo.setCurrentIndex(self._combo.findText(text))
        if self._line.text() != text:
            self._line.setText(text)
        self._line.setCursorPosition(0)
        self._show_caption(text)

    @Slot(str)
    def _on_text_edited(self, text: str) -> None:
        self._show_caption(text)
        self.typed.emit(PATH, text)

    @Slot(int)
    def _on_activated(self, row: int) -> None:
        text = self._combo.itemText(row)
        self._show_caption(text)
        self.edited.emit(PATH, text)

    def _show_caption(self, repo: str) -> None:
        model = self._models.get(repo.strip())
        self._caption.setVisible(model is not None)
        if model is not None:
            self._caption.setText(" · ".join(_facts(model)))


def _facts(model: BaseModel) -> list[str]:
    size = model.parameters
    count = f"{size / 1000:.1f} billion" if size >= 1000 else f"{size} million"
    facts = [model.label, f"{count} parameters", model.license]
    return [*facts, "needs a Hugging Face token"] if model.gated else facts
