"""The saved configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import when

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from models.domain.dataset import SavedConfig


class ConfigsModel(ItemTableModel["SavedConfig"]):
    """Saved configurations, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)

    def names(self) -> tuple[str, ...]:
        """The names in use."""
        return tuple(item.name for item in self.items)

    def has_name(self, name: str) -> bool:
        """Whether a configuration has this name, in any case of letters."""
        wanted = name.strip().casefold()
        return any(item.name.casefold() == wanted for item in self.items)


def _key(config: SavedConfig) -> object:
    return config.id


def _name(config: SavedConfig) -> str:
    return config.name


def _target(config: SavedConfig) -> str:
    return config.target


def _updated(config: SavedConfig) -> str:
    return when(config.updated_at)


_COLUMNS: tuple[Column[SavedConfig], ...] = (
    Column("Name", _name),
    Column("Target", _target),
    Column("Saved", _updated),
)
