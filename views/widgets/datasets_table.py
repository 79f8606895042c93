"""The table of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.qt.datasets_filter import DatasetsFilter
from views.widgets.several_table import SeveralTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.domain.dataset import DatasetSession
    from models.qt.datasets_model import DatasetsModel


class DatasetsTable(SeveralTable[DatasetsFilter]):
    """Shows a DatasetsModel through a filter."""

    LEAST_NAME = "Support answers of the spring"

    def __init__(self, datasets: DatasetsModel) -> None:
        super().__init__("datasets.table", "All datasets", datasets, DatasetsFilter())
        self._fit()

    def selected_sessions(self) -> tuple[DatasetSession, ...]:
        """The selected datasets, from top to bottom."""
        return self.selected_items()

    def select_items(self, ids: Collection[object]) -> None:
        """Select these datasets, as far as they are shown, and have the first in sight."""
        super().select_items(ids)
        if self.selectionModel().hasSelection():
            self.scrollTo(self.currentIndex())
