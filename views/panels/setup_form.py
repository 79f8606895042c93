"""Binds the fields of the form to the form's model, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.availability import disabled_choices, disabled_reason, is_shown
from models.domain.config_io import settings_index
from views.widgets.fields import Field, make_field

if TYPE_CHECKING:
    from models.qt.form_model import FormModel

# What decides whether other settings are shown (models/domain/availability.py).
_DECISIVE = {
    "training.target", "training.skill_level", "dataset.source", "dataset.eval_percent",
    "dataset.eval_split", "hp.push_to_hub", "hp.method", "hp.tuning", "local.runtime",
    "local.use_gpu",
}  # fmt: skip


class SetupForm(QObject):
    """All fields by path. Values go from the model to the field when the model is reset, and from
    the field to the model when the user edits; nothing else moves them.

    Signals:
        arranged: other fields are shown now.
        touched: the user changes a setting; nothing has followed from it yet.
        fix_requested: the Problem (payload) whose button was pressed.
    """

    arranged = Signal()
    touched = Signal()
    fix_requested = Signal(object)

    def __init__(self, model: FormModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.fields: dict[str, Field] = {}
        model.reset.connect(self._on_reset)
        model.value_changed.connect(self._on_value_changed)
        model.problems_changed.connect(self._on_problems_changed)
        model.circumstances_changed.connect(self._on_circumstances_changed)

    def add(self, path: str, label: str = "") -> Field:
        """Make the standard field of a setting."""
        return self.adopt(make_field(settings_index()[path], label))

    def adopt(self, field: Field) -> Field:
        """Take a field into the form, and show its value."""
        path = field.info.path
        self.fields[path] = field
        field.show_value(self.model.value(path))
        field.edited.connect(self.touched)
        field.typed.connect(self.touched)
        field.edited.connect(self.model.edit)
        field.typed.connect(self.model.edit_text)
        field.fix_requested.connect(self.fix_requested)
        field.set_shown(self._is_shown(path))
        self._show_disabled(path, field)
        return field

    def wrong_fields(self) -> list[Field]:
        """The fields whose value is wrong, in the order of the form."""
        return [field for path, field in self.fields.items() if self.model.problem(path)]

    @Slot()
    def _on_reset(self) -> None:
        for path, field in self.fields.items():
            if not self.model.is_unreadable(path):  # else the message would be about nothing
                field.show_value(self.model.value(path))
            if path in _DECISIVE:
                self._show_disabled(path, field)
        self._arrange()

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path in _DECISIVE:
            if path in self.fields:
                self._show_disabled(path, self.fields[path])
            self._arrange()

    @Slot()
    def _on_problems_changed(self) -> None:
        for path, field in self.fields.items():
            field.show_problem(self.model.problem(path))
        self._arrange()

    @Slot()
    def _on_circumstances_changed(self) -> None:
        for path, field in self.fields.items():
            self._show_disabled(path, field)
        self._arrange()

    def _is_shown(self, path: str) -> bool:
        return is_shown(self.model.config, path, self.model.circumstances)

    def _show_disabled(self, path: str, field: Field) -> None:
        circumstances = self.model.circumstances
        reason = disabled_reason(path, circumstances, self.model.value(path))
        field.show_disabled(reason)
        if not reason and field.info.rule.choices:
            field.show_disabled_choices(disabled_choices(path, circumstances))

    def _arrange(self) -> None:
        """A setting that is wrong is always shown: nobody can mend what cannot be seen."""
        changed = False
        for path, field in self.fields.items():
            shown = self._is_shown(path) or self.model.problem(path) is not None
            if field.is_shown is not shown:
                field.set_shown(shown)
                changed = True
        if changed:
            self.arranged.emit()
