"""The upper part of the Datasets page: the search, and the table of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from views.widgets.datasets_table import DatasetsTable
from views.widgets.match_stack import MatchStack
from views.widgets.search_line import SearchLine

if TYPE_CHECKING:
    from models.qt.datasets_model import DatasetsModel

_NO_MATCH = "No dataset matches the search."


class DatasetsList(QWidget):
    """Datasets to choose from."""

    def __init__(self, datasets: DatasetsModel) -> None:
        super().__init__()
        tip = "Words of the name, source, format or licence"
        self.search = SearchLine("datasets.search", "Search the datasets", tip)
        self.table = DatasetsTable(datasets)
        self._stack = MatchStack("datasets", self.table, _NO_MATCH, "Show all datasets")
        self._build()
        self._stack.show_all_requested.connect(self.show_all)
        self.search.textChanged.connect(self._on_text)
        self.search.returnPressed.connect(self._on_return)
        for signal in (datasets.modelReset, datasets.rowsInserted, datasets.rowsRemoved):
            signal.connect(self._show_match)

    def select_newest(self) -> None:
        """Select the first dataset, unless one is selected already."""
        if not self.table.selected_sessions():
            self.table.select_first()

    @Slot()
    def show_all(self) -> None:
        """Search for nothing."""
        self.search.clear()
        self.search.setFocus()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.search)
        column.addWidget(self._stack, 1)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.table.filter.set_text(text)
        self._show_match()

    @Slot()
    def _on_return(self) -> None:
        self.table.setFocus()
        self.select_newest()

    @Slot()
    def _show_match(self) -> None:
        self._stack.show_match()
