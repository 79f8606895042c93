"""The table of base models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from models.qt.models_model import STATE_COLUMN, ModelsFilter
from views.widgets.list_table import ListTable
from views.widgets.tone_delegate import ToneDelegate

if TYPE_CHECKING:
    from models.domain.cached_model import CachedModel
    from models.qt.models_model import ModelsModel


class ModelsTable(ListTable[ModelsFilter]):
    """Shows a ModelsModel through a filter; what is selected stays so when it is read anew."""

    LEAST_NAME = "Mistral Small 24B Instruct (4-bit)"

    def __init__(self, models: ModelsModel) -> None:
        super().__init__("models.table", "Base models", models, ModelsFilter())
        self._models = models
        self._kept: object = None
        self.setItemDelegateForColumn(STATE_COLUMN, ToneDelegate(self))
        models.modelAboutToBeReset.connect(self._keep)
        models.modelReset.connect(self._restore)
        self._fit()

    def selected_model(self) -> CachedModel | None:
        """The selected model."""
        found: CachedModel | None = self.selected_item()  # type: ignore[assignment]
        return found

    def select_model(self, key: str) -> None:
        """Select the model of this key, as far as it is shown."""
        row = self._models.row_of(key)
        if row >= 0:
            self.select_source_row(row)

    @Slot()
    def _keep(self) -> None:
        model = self.selected_model()
        self._kept = model.key if model else None

    @Slot()
    def _restore(self) -> None:
        if isinstance(self._kept, str):
            self.select_model(self._kept)
