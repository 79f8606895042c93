"""The table of base models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView

from models.qt.models_model import STATE_COLUMN, ModelsFilter
from models.qt.table_model import ITEM_ROLE
from views.theme import current_theme
from views.widgets.item_table import ItemTable
from views.widgets.several_table import CELL
from views.widgets.tone_delegate import ToneDelegate

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from models.domain.cached_model import CachedModel
    from models.qt.models_model import ModelsModel

_LEAST_NAME = "Mistral Small 24B Instruct (4-bit)"
"""Names get at least as much room as this takes."""


class ModelsTable(ItemTable):
    """Shows a ModelsModel through a filter; what is selected stays so when it is read anew.

    Signals:
        delete_requested: the Delete key.
        menu_requested: the place (global) where a context menu is wanted.
    """

    delete_requested = Signal()
    menu_requested = Signal(object)

    def __init__(self, models: ModelsModel) -> None:
        self.filter = ModelsFilter()
        super().__init__("models.table", "Base models", models, proxy=self.filter)
        self.filter.setParent(self)
        self._models = models
        self._kept: object = None
        self.setItemDelegateForColumn(STATE_COLUMN, ToneDelegate(self))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        models.modelAboutToBeReset.connect(self._keep)
        models.modelReset.connect(self._restore)
        models.dataChanged.connect(self._show_columns)
        current_theme().changed.connect(self._fit)
        self._fit()

    def selected_model(self) -> CachedModel | None:
        """The selected model."""
        found: CachedModel | None = self.selected_item()  # type: ignore[assignment]
        return found

    def shown_models(self) -> tuple[CachedModel, ...]:
        """What the table shows now, from top to bottom."""
        rows = range(self.filter.rowCount())
        return tuple(self.filter.index(row, 0).data(ITEM_ROLE) for row in rows)

    def select_model(self, key: str) -> None:
        """Select the model of this key, as far as it is shown."""
        row = self._models.row_of(key)
        if row >= 0:
            self.select_source_row(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and not event.modifiers():
            self.delete_requested.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        if self.selectionModel().hasSelection():
            self.menu_requested.emit(self.viewport().mapToGlobal(place))

    @Slot()
    def _keep(self) -> None:
        model = self.selected_model()
        self._kept = model.key if model else None

    @Slot()
    def _restore(self) -> None:
        self._show_columns()
        if isinstance(self._kept, str):
            self.select_model(self._kept)

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
