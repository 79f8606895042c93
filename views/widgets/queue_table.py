"""The waiting runs as a table of just the height it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView

from views.theme import current_theme
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QShowEvent

    from models.qt.queue_model import QueueModel

_MOST_ROWS = 4


class QueueTable(ItemTable):
    """One row is selected; Delete takes it out, Alt with an arrow moves it.

    Signals:
        remove_requested: the Delete key.
        move_requested: ``up`` or ``down``.
    """

    remove_requested = Signal()
    move_requested = Signal(str)

    def __init__(self, queue: QueueModel) -> None:
        super().__init__("runs.queue.table", "Runs that wait", queue, stretches=False)
        self.setSortingEnabled(False)
        header, mode = self.horizontalHeader(), QHeaderView.ResizeMode
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(0, mode.ResizeToContents)
        for column in (1, 2):
            header.setSectionResizeMode(column, mode.Stretch)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for signal in (queue.modelReset, current_theme().changed):
            signal.connect(self._fit)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()  # not before: the style sheet says how high its heads are

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Up: "up", Qt.Key.Key_Down: "down"}
        with_alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        where = moves.get(Qt.Key(event.key())) if with_alt else None
        if where is not None:
            self.move_requested.emit(where)
        elif event.key() == Qt.Key.Key_Delete:
            self.remove_requested.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _fit(self) -> None:
        row = self.fontMetrics().height() + 12
        self.verticalHeader().setDefaultSectionSize(row)
        rows = max(1, min(self.model().rowCount(), _MOST_ROWS))
        self.setFixedHeight(rows * row + self.horizontalHeader().sizeHint().height() + 4)
