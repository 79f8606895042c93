"""Fields in two columns that close ranks when some of them are hidden."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtWidgets import QGridLayout, QWidget

_GAP = 12


class FieldGrid(QWidget):
    """Two columns of fields, filled row by row with those that are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields: list[tuple[QWidget, bool]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(_GAP)
        self._grid.setVerticalSpacing(_GAP)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)

    def add(self, field: QWidget, *, wide: bool = False) -> None:
        """Put a field at the end; a wide one takes a row for itself."""
        self._fields.append((field, wide))
        field.setParent(self)
        field.installEventFilter(self)
        self.arrange()

    @Slot()
    def arrange(self) -> None:
        """Lay the fields that are shown out anew; the grid hides when there are none."""
        place = 0
        for field, _ in self._fields:
            self._grid.removeWidget(field)
        for field, wide in self._fields:
            if field.isHidden():
                continue
            place += place % 2 if wide else 0
            self._grid.addWidget(field, place // 2, place % 2, 1, 2 if wide else 1)
            place += 2 if wide else 1
        self.setVisible(place > 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() in {QEvent.Type.HideToParent, QEvent.Type.ShowToParent}:
            self.arrange()
        return super().eventFilter(watched, event)
