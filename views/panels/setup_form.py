"""Binds the fields of the form to the form's model, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.config import SKILL_EXPERT
from models.domain.config_io import settings_index
from views.widgets.fields import Field, make_field

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.qt.form_model import FormModel


class SetupForm(QObject):
    """All fields by path. Values go from the model to the field when the model is reset, and from
    the field to the model when the user edits; nothing else moves them.
    """

    def __init__(self, model: FormModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.fields: dict[str, Field] = {}
        self._expert_parts: list[QWidget] = []
        model.reset.connect(self._on_reset)
        model.value_changed.connect(self._on_value_changed)
        model.problems_changed.connect(self._on_problems_changed)

    @property
    def is_expert(self) -> bool:
        """Whether expert settings are shown."""
        return self.model.value("training.skill_level") == SKILL_EXPERT

    def add(self, path: str, label: str = "") -> Field:
        """Make the standard field of a setting."""
        return self.adopt(make_field(settings_index()[path], label))

    def adopt(self, field: Field) -> Field:
        """Take a field into the form, and show its value."""
        path = field.info.path
        self.fields[path] = field
        field.show_value(self.model.value(path))
        field.edited.connect(self.model.edit)
        field.typed.connect(self.model.edit_text)
        if field.info.rule.expert:
            self.expert_only(field)
        return field

    def expert_only(self, part: QWidget) -> None:
        """Show this part to experts only."""
        self._expert_parts.append(part)
        if not self.is_expert:  # without a parent as yet, showing it would make it a window
            part.hide()

    @Slot()
    def _on_reset(self) -> None:
        for path, field in self.fields.items():
            field.show_value(self.model.value(path))
        self._show_expert_parts()

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path == "training.skill_level":
            self._show_expert_parts()

    @Slot()
    def _on_problems_changed(self) -> None:
        for path, field in self.fields.items():
            field.show_problem(self.model.problem(path))

    def first_wrong_field(self) -> Field | None:
        """The first field, in the order of the form, whose value is wrong."""
        found = (field for path, field in self.fields.items() if self.model.problem(path))
        return next(found, None)

    def _show_expert_parts(self) -> None:
        for part in self._expert_parts:
            part.setVisible(self.is_expert)
