"""The base models as a table, and which of them a search shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt

from models.domain.hardware import Hardware
from models.domain.model_fit import ModelFit, fit_of
from models.qt.model_words import (
    NOTHING,
    access_words,
    fit_words,
    parameter_words,
    size_words,
    state_tone,
    state_words,
)
from models.qt.runs_model import TONE_ROLE
from models.qt.table_model import ITEM_ROLE, SORT_ROLE, Column, ItemTableModel

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from models.domain.cached_model import CachedModel

STATE_COLUMN, FIT_COLUMN = 1, 3
_TIP = Qt.ItemDataRole.ToolTipRole
_SHOWN = Qt.ItemDataRole.DisplayRole
_ROWS = QSortFilterProxyModel.Direction.Rows
_Index = QModelIndex | QPersistentModelIndex


class ModelsModel(ItemTableModel["CachedModel"]):
    """Models in the inventory's order. ``TONE_ROLE`` says how one stands."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)
        self._hardware = Hardware()
        self._fits: dict[str, ModelFit] = {}

    def set_hardware(self, hardware: Hardware) -> None:
        """Say from now on what fits a computer with this."""
        if hardware == self._hardware:
            return
        self._hardware = hardware
        self._fits.clear()
        if self._items:
            last = self.index(len(self._items) - 1, FIT_COLUMN)
            self.dataChanged.emit(self.index(0, FIT_COLUMN), last)

    def fit(self, model: CachedModel) -> ModelFit:
        """How this model and this computer go together."""
        if model.key not in self._fits:
            self._fits[model.key] = fit_of(model.shape, self._hardware)
        return self._fits[model.key]

    def set_items(self, items: object) -> None:
        """Show these models."""
        self._fits.clear()
        super().set_items(items)  # type: ignore[arg-type]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        model = self.item(index.row())
        if model is None:
            return None
        if index.column() == FIT_COLUMN and role in {_SHOWN, SORT_ROLE}:
            fit = self.fit(model)
            return fit_words(fit) if role == _SHOWN else fit.needed
        if index.column() == STATE_COLUMN and role == TONE_ROLE:
            return state_tone(model)
        if role == _TIP:
            return model.repo_id_or_path
        return super().data(index, role)


class ModelsFilter(QSortFilterProxyModel):
    """Models, sorted, and filtered by words and by whether anything of them is here."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._words: tuple[str, ...] = ()
        self._only_here = False

    @property
    def is_filtering(self) -> bool:
        """Whether the user asked for less than all."""
        return bool(self._words) or self._only_here

    def set_filter(self, text: str, *, only_here: bool) -> None:
        """Show the models that have all of these words, of this computer or of all."""
        self.beginFilterChange()
        self._words, self._only_here = tuple(text.casefold().split()), only_here
        self.endFilterChange(_ROWS)

    def filterAcceptsRow(self, row: int, parent: _Index) -> bool:
        model: CachedModel | None = self.sourceModel().index(row, 0, parent).data(ITEM_ROLE)
        if model is None or (self._only_here and not model.is_here):
            return False
        parts = (model.label, model.repo_id_or_path, model.licence, access_words(model))
        text = "\n".join((*parts, state_words(model))).casefold()
        return all(word in text for word in self._words)


def _key(model: CachedModel) -> object:
    return model.key


def _name(model: CachedModel) -> str:
    return model.label or model.repo_id_or_path


def _parameters_number(model: CachedModel) -> object:
    return model.parameters or 0


def _size_number(model: CachedModel) -> object:
    if model.is_here:
        return model.bytes_on_disk
    return model.bytes_whole or model.bytes_expected or 0


def _fit(_model: CachedModel) -> str:
    return ""


def _licence(model: CachedModel) -> str:
    return model.licence or NOTHING


_COLUMNS: tuple[Column[CachedModel], ...] = (
    Column("Model", _name),
    Column("State", state_words, help="How much of it trainings find without a network"),
    Column("Parameters", parameter_words, _parameters_number, is_number=True),
    Column(
        "Fits",
        _fit,
        help="Whether this computer can train it (LoRA, batch 1), and the memory that it takes",
    ),
    Column("Size", size_words, _size_number, is_number=True),
    Column("Access", access_words, help="Gated models take a token that was granted access"),
    Column("Licence", _licence),
)
