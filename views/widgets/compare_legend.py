"""Which curve is which run's, with its newest value or the one under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.qt.runs_model import loss_words
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.run_colors import sample

if TYPE_CHECKING:
    from models.qt.compare_model import CompareModel


class CompareLegend(QWidget):
    """A line for each run: a piece of its curve, its name, its value."""

    def __init__(self, name: str, model: CompareModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._model = model
        self._rows: list[_LegendRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(3)
        current_theme().changed.connect(self._on_theme_changed)

    @property
    def texts(self) -> tuple[str, ...]:
        """What stands there, a line for each run."""
        return tuple(f"{row.name.text()} {row.value.text()}" for row in self._shown())

    def show_runs(self, place: float | None) -> None:
        """Show the values at a place of the lower axis, or the newest ones."""
        names = self._model.names
        while len(self._rows) < len(names):
            row = _LegendRow(len(self._rows))
            self._rows.append(row)
            self._column.addWidget(row)
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(names))
            if number < len(names):
                row.name.setText(names[number])
                row.value.setText(loss_words(self._model.value_at(number, place)))

    def _shown(self) -> list[_LegendRow]:
        return [row for row in self._rows if not row.isHidden()]

    @Slot()
    def _on_theme_changed(self) -> None:
        for row in self._rows:
            row.dress()


class _LegendRow(QWidget):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._sample = QLabel()
        self.name = ElidedLabel()
        self.value = text_label("", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._sample)
        row.addWidget(self.name, 1)
        row.addWidget(self.value)
        self.dress()

    def dress(self) -> None:
        """Take the theme's colours."""
        self._sample.setPixmap(sample(self._number))
