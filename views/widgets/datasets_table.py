"""The table of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHeaderView

from models.qt.datasets_filter import DatasetsFilter
from views.theme import current_theme
from views.widgets.several_table import CELL, SeveralTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QResizeEvent

    from models.domain.dataset import DatasetSession
    from models.qt.datasets_model import DatasetsModel

_LEAST_NAME = "Support answers of the spring"
"""Names get at least as much room as this takes."""


class DatasetsTable(SeveralTable[DatasetsFilter]):
    """Shows a DatasetsModel through a filter."""

    def __init__(self, datasets: DatasetsModel) -> None:
        super().__init__("datasets.table", "All datasets", datasets, DatasetsFilter())
        for signal in (datasets.modelReset, datasets.rowsInserted, datasets.dataChanged):
            signal.connect(self._show_columns)
        current_theme().changed.connect(self._fit)
        self._fit()

    def selected_sessions(self) -> tuple[DatasetSession, ...]:
        """The selected datasets, from top to bottom."""
        return self.selected_items()

    def select_items(self, ids: Collection[object]) -> None:
        """Select these datasets, as far as they are shown, and have the first in sight."""
        super().select_items(ids)
        if self.selectionModel().hasSelection():
            self.scrollTo(self.currentIndex())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()

    @Slot()
    def _show_columns(self) -> None:
        """Show the columns that fit beside the names: the ones further right go first."""
        self.horizontalHeader().resizeSections()  # by itself it does not when rows are added
        letters, across = self.fontMetrics(), Qt.Orientation.Horizontal
        room = self.viewport().width() - letters.horizontalAdvance(_LEAST_NAME) - CELL
        for column in range(1, self.filter.columnCount()):
            title = str(self.filter.headerData(column, across))
            least = letters.horizontalAdvance(f"{title} ▾") + CELL
            room -= max(self.sizeHintForColumn(column), least)
            self.setColumnHidden(column, room < 0)

    @Slot()
    def _fit(self) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 16)
        self._show_columns()
