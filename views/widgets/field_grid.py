"""Fields in two columns, or one where they are too wide, that close ranks when some are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Slot
from PySide6.QtWidgets import QGridLayout, QWidget

from views.widgets.card import show_if

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from views.widgets.fields import Field

_GAP = 12
_UNKNOWN = 16_777_215
"""A width that has room for everything: before the first layout a grid has none of its own."""


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
    """Two columns of fields, filled row by row with those that are shown; one column where two
    have no room, as with large text in a narrow window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_wide: dict[Field | GridRow, bool] = {}
        self._is_empty = False  # a child that nobody hides is shown with its parent
        self._is_single = False
        self._width = _UNKNOWN
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
        self._is_single = self._width < self._least_of_two()
        rows = self._rows(single=self._is_single)
        for field in self._is_wide:
            self._grid.removeWidget(field)
        for number, row in enumerate(rows):
            has_label = any(field.label is not None for field in row)
            for column, field in enumerate(row):
                span = 2 if self._is_wide[field] or self._is_single else 1
                self._grid.addWidget(field, number, column, 1, span)
                field.align_with_label(has_label)
        if bool(rows) is self._is_empty:
            self._is_empty = not rows
            show_if(self, bool(rows))

    def _rows(self, *, single: bool) -> list[list[Field | GridRow]]:
        rows: list[list[Field | GridRow]] = []
        for field in self._shown():
            fits = rows and len(rows[-1]) == 1 and not self._is_wide[rows[-1][0]]
            if fits and not single and not self._is_wide[field]:
                rows[-1].append(field)
            else:
                rows.append([field])
        return rows

    def _shown(self) -> list[Field | GridRow]:
        return [field for field in self._is_wide if field.is_shown]

    def _least_of_two(self) -> int:
        """Pixels that two columns need; 0 where nothing would stand in the second."""
        pairs = [row for row in self._rows(single=False) if len(row) > 1]
        return sum(max(map(_least, column)) for column in zip(*pairs, strict=True)) + _GAP

    def minimumSizeHint(self) -> QSize:
        """As wide as the widest field: two beside each other are not needed."""
        needed = max(map(_least, self._shown()), default=0)
        return QSize(needed, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._width = event.size().width()
        if self._is_single != (self._width < self._least_of_two()):
            self.arrange()


def _least(field: QWidget) -> int:
    return max(field.minimumSizeHint().width(), field.minimumWidth())
