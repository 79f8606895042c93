"""The saved configurations: all, those of the present target, the recent, and the one in use."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal

from models.domain.config import TARGET_LOCAL
from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject

    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from models.domain.offline_ready import OfflineStatus

_Index = QModelIndex | QPersistentModelIndex
OFFLINE_MARK = "  ·  ready offline"
MODE_EDIT = "edit"
MODE_RUN = "run saved"
"""Edit the setup in the form; or run a saved one as it is, with the form folded away."""


class ConfigsModel(ItemTableModel["SavedConfig"]):
    """All saved configurations, newest first; ``for_target`` has those of the present target.

    Signals:
        recent_changed: the recently used ones are others.
        current_changed: the form holds another saved configuration, or none.
        mode_changed: MODE_EDIT or MODE_RUN.
        offline_changed: others are ready to train without a network.
    """

    recent_changed = Signal()
    current_changed = Signal()
    mode_changed = Signal(str)
    offline_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)
        self.for_target = _ListedModel(self)
        self._target = TARGET_LOCAL
        self._recent: tuple[SavedConfig, ...] = ()
        self._current: SavedConfig | None = None
        self._stored: TrainingConfig | None = None
        self._mode = MODE_EDIT
        self._offline: dict[str, OfflineStatus] = {}

    @property
    def target(self) -> str:
        """The target whose configurations are listed."""
        return self._target

    @property
    def recent(self) -> tuple[SavedConfig, ...]:
        """Those used last, of any target, the latest first."""
        return self._recent

    @property
    def current(self) -> SavedConfig | None:
        """The one that the form's setup came from, as it was then."""
        return self._current

    @property
    def stored(self) -> TrainingConfig | None:
        """What the current one holds, as it was read or saved here."""
        return self._stored

    @property
    def mode(self) -> str:
        """MODE_EDIT or MODE_RUN."""
        return self._mode

    def set_items(self, items: Sequence[SavedConfig]) -> None:
        """Show these configurations."""
        super().set_items(items)
        self._filter()

    def set_target(self, target: str) -> None:
        """List the configurations of this target."""
        if target != self._target:
            self._target = target
            self._filter()

    def set_recent(self, items: Sequence[SavedConfig]) -> None:
        """Offer these as recently used."""
        self._recent = tuple(items)
        self.recent_changed.emit()

    def set_current(self, saved: SavedConfig | None, config: TrainingConfig | None = None) -> None:
        """Remember which one the form's setup came from, and what it holds."""
        self._stored = config
        if saved != self._current:
            self._current = saved
            self.current_changed.emit()

    def set_mode(self, mode: str) -> None:
        """Switch between editing a setup and running a saved one."""
        if mode != self._mode:
            self._mode = mode
            self.mode_changed.emit(mode)

    def set_offline(self, found: Sequence[OfflineStatus]) -> None:
        """Those that were made ready for offline at some time, as they are now."""
        now = {one.config: one for one in found}
        if now != self._offline:
            self._offline = now
            self.for_target.show_again()
            self.offline_changed.emit()

    def is_ready_offline(self, saved: SavedConfig) -> bool:
        """Whether it was tried with all that it needs, and all of it is still here."""
        status = self._offline.get(saved.name)
        return status is not None and status.is_ready

    def listed_name(self, saved: SavedConfig) -> str:
        """Its name, with a mark where it is ready to train without a network."""
        return f"{saved.name}{OFFLINE_MARK}" if self.is_ready_offline(saved) else saved.name

    def offline_words(self, saved: SavedConfig) -> str:
        """What the mark means, or why there is none any more; empty where there never was one."""
        status = self._offline.get(saved.name)
        if status is None:
            return ""
        if not status.is_ready:
            return f"No longer ready to train offline: {status.words}."
        tried = when(status.checked_at).replace("Today", "today at")
        return f"Ready to train offline: all it needs is here, and was tried {tried}."

    def by_name(self, name: str) -> SavedConfig | None:
        """The configuration of this name, in any case of letters and any way of typing them."""
        wanted = _same(name)
        return next((item for item in self.items if _same(item.name) == wanted), None)

    def has_name(self, name: str) -> bool:
        """Whether a configuration has this name, in any case of letters."""
        return self.by_name(name) is not None

    def free_name(self, name: str) -> str:
        """``name``, or the first of ``name 2``, ``name 3`` … that is free."""
        number, free = 1, name
        while self.has_name(free):
            number += 1
            free = f"{name} {number}"
        return free

    def _filter(self) -> None:
        self.for_target.set_items([item for item in self.items if item.target == self._target])


class _ListedModel(ItemTableModel["SavedConfig"]):
    """What the list of the page shows; ``configs`` knows which are ready for offline."""

    def __init__(self, configs: ConfigsModel) -> None:
        super().__init__((Column("Name", configs.listed_name), *_COLUMNS[1:]), _key, configs)
        self._configs = configs

    def show_again(self) -> None:
        """Names may have another mark now."""
        if self.items:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.items) - 1, 0))

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        item = self.item(index.row())
        if item is not None and role == Qt.ItemDataRole.ToolTipRole:
            return self._configs.offline_words(item) or None
        return super().data(index, role)


def _same(name: str) -> str:
    """What names have in common that the database takes for the same one."""
    text = unicodedata.normalize("NFC", " ".join(name.split()))
    return unicodedata.normalize("NFC", text.casefold())


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
