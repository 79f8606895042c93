"""Fields in two columns that close ranks when some of them are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QWidget

from views.widgets.card import show_if

if TYPE_CHECKING:
    from views.widgets.fields import Field

_GAP = 12


class GridRow(QWidget):
    """A row of the grid that is about settings and is none."""

    label = None

    def __init__(self) -> None:
        super().__init__()
        self.is_shown = True

    def set_shown(self, shown: bool) -> None:
        """Take part in the grid or not; the grid is to be arranged afterwards."""
        self.is_shown = shown
        show_if(self, shown)

    def align_with_label(self, align: bool) -> None:
        """It stands alone."""


class FieldGrid(QWidget):
    """Two columns of fields, filled row by row with those that are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_wide: dict[Field | GridRow, bool] = {}
        self._is_empty = False  # a child that nobody hides is shown with its parent
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(_GAP)
        self._grid.setVerticalSpacing(_GAP)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)

    def add(self, field: Field | GridRow, *, wide: bool = False) -> None:
        """Put a field at the end; a wide one takes a row for itself."""
        self._is_wide[field] = wide
        field.setParent(self)
        self.arrange()

    @Slot()
    def arrange(self) -> None:
        """Lay the fields that are shown out anew; the grid hides when there are none."""
        rows = self._rows()
        for field in self._is_wide:
            self._grid.removeWidget(field)
        for number, row in enumerate(rows):
            has_label = any(field.label is not None for field in row)
            for column, field in enumerate(row):
                span = 2 if self._is_wide[field] else 1
                self._grid.addWidget(field, number, column, 1, span)
                field.align_with_label(has_label)
        if bool(rows) is self._is_empty:
            self._is_empty = not rows
            show_if(self, bool(rows))

    def _rows(self) -> list[list[Field | GridRow]]:
        rows: list[list[Field | GridRow]] = []
        for field in self._is_wide:
            if not field.is_shown:
                continue
            fits = rows and len(rows[-1]) == 1 and not self._is_wide[rows[-1][0]]
            if fits and not self._is_wide[field]:
                rows[-1].append(field)
            else:
                rows.append([field])
        return rows
