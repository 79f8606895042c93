"""The right side of the Runs page while several runs are selected: their curves and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from models.qt.compare_model import MOST_COMPARED
from views.widgets.card import Card, text_label
from views.widgets.compare_chart import CompareChart
from views.widgets.differences_table import DifferencesTable
from views.widgets.help_button import HelpButton
from views.widgets.page_column import ScrollColumn

if TYPE_CHECKING:
    from models.qt.compare_model import CompareModel

_MARKS = "Marked: the lowest loss, and settings that are not as in the first run."
_SAME = "All settings are the same."


class ComparePanel(ScrollColumn):
    """Over a CompareModel. ``selected`` may be more runs than can be told apart."""

    def __init__(self, model: CompareModel) -> None:
        super().__init__()
        self._model = model
        self._selected = 0
        self._many = text_label("", "warning", wrap=True)
        self._many.setObjectName("runs.compare.many")
        self.chart = CompareChart("runs.compare", model)
        self.table = DifferencesTable("runs.compare.table", model)
        self._note = text_label(_MARKS, "muted", wrap=True)
        self._note.setObjectName("runs.compare.note")
        self._build()
        model.changed.connect(self._show_notes)

    def show_selected(self, count: int) -> None:
        """Say it where not all of the selected runs are compared."""
        self._selected = count
        self._show_notes()

    def _build(self) -> None:
        curves = Card("Comparison")
        curves.tools.addWidget(HelpButton("runs#comparing-runs", "comparing runs"))
        curves.body.addWidget(self._many)
        curves.body.addWidget(self.chart, 1)
        settings = Card("Results and settings that differ")
        settings.body.setSpacing(8)
        settings.body.addWidget(self.table)
        settings.body.addWidget(self._note)
        self.column.addWidget(curves, 1)
        self.column.addWidget(settings)
        self.setMinimumWidth(380)

    @Slot()
    def _show_notes(self) -> None:
        count = f"The first {MOST_COMPARED} of {self._selected}"
        self._many.setText(f"{count} selected runs are compared.")
        self._many.setVisible(self._selected > MOST_COMPARED)
        differ = bool(self._model.difference_rows()) or self._model.is_reading
        self._note.setText(_MARKS if differ else _SAME)
