"""A card of the setup form: a group of settings in two columns, folding, with its help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from views.widgets.card import show_if
from views.widgets.field_grid import FieldGrid
from views.widgets.fold_card import FoldCard
from views.widgets.help_button import HelpButton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from views.panels.setup_form import SetupForm
    from views.widgets.fields import Field

_SHOWN_IN_SUMMARY = 4


class SettingsCard(FoldCard):
    """Hidden as a whole while none of its settings is shown."""

    def __init__(
        self, form: SetupForm, name: str, title: str, topic: str, *, is_open: bool = True
    ) -> None:
        """``topic`` is the place of the guide that the "?" opens."""
        super().__init__(name, title)
        self.tools.addWidget(HelpButton(topic, title))
        self._form = form
        self._is_used = True
        self.grid = FieldGrid()
        self.body.addWidget(self.grid)
        self._fields: list[Field] = []
        self.set_open(is_open)
        form.arranged.connect(self.grid.arrange)
        form.arranged.connect(self._show_if_used)
        form.model.reset.connect(self._show_summary)
        self.folded.connect(self._show_summary)

    def add(self, paths: Sequence[str], wide: Sequence[str] = ()) -> None:
        """Make the standard fields of these settings; those in ``wide`` take a whole row."""
        for path in paths:
            self.adopt(self._form.add(path), wide=path in wide)
        self._show_if_used()

    def adopt(self, field: Field, *, wide: bool = False) -> None:
        """Take a field that the form has already."""
        self._fields.append(field)
        self.grid.add(field, wide=wide)

    @Slot()
    def _show_if_used(self) -> None:
        is_used = any(field.is_shown for field in self._fields)
        if is_used is not self._is_used:
            self._is_used = is_used
            show_if(self, is_used)
        self._show_summary()

    @Slot()
    def _show_summary(self) -> None:
        if self.is_open:
            return
        shown = [field for field in self._fields if field.is_shown][:_SHOWN_IN_SUMMARY]
        model = self._form.model
        parts = [field.summary(model.value(field.info.path)) for field in shown]
        self.set_summary(" · ".join(part for part in parts if part))
