"""How far each saved configuration is from training without a network, for its dialog."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from models.domain.offline_ready import SETUP
from models.domain.remote_money import clock_words
from models.qt.table_model import Column, ItemTableModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject

    from models.domain.offline_ready import OfflineNeed, OfflineStatus

_NOTHING = "–"


class OfflineModel(ItemTableModel["OfflineStatus"]):
    """One row a configuration. ``note`` is what was done last, ``is_trouble`` whether it failed;
    ``is_busy`` while something is fetched, tried or carried, ``is_known`` once all were looked at.

    Signals:
        changed: anything here may be different now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _name, parent)
        self.note = ""
        self.is_trouble = False
        self.is_busy = False
        self.is_known = False

    def set_rows(self, rows: Sequence[OfflineStatus]) -> None:
        """Show these."""
        self.is_known = True
        if tuple(rows) != self.items:
            self.set_items(rows)
        self.changed.emit()

    def begin(self) -> None:
        """Something goes on; what was said before is over."""
        self.is_busy, self.note, self.is_trouble = True, "", False
        self.changed.emit()

    def end(self) -> None:
        """It is over."""
        self.is_busy = False
        self.changed.emit()

    def tell(self, note: str, *, is_trouble: bool = False) -> None:
        """Say how it went."""
        self.note, self.is_trouble = note, is_trouble
        self.changed.emit()


def lacks_text(status: OfflineStatus) -> str:
    """What keeps it from training offline and what to do about it, a line each; empty for none."""
    return "\n".join(_need_line(need) for need in status.missing)


def _need_line(need: OfflineNeed) -> str:
    name = need.name.rstrip(".")
    if need.what == SETUP:
        return f"Not possible: {name}. {need.remedy}".strip()
    return f"Not here: {f'{need.what.lower()} {name}'.strip()}. {need.remedy}".strip()


def _name(status: OfflineStatus) -> str:
    return status.config


def _words(status: OfflineStatus) -> str:
    words = status.words
    return words[:1].upper() + words[1:]


def _tried(status: OfflineStatus) -> str:
    return clock_words(status.checked_at, time.time()) if status.checked_at else _NOTHING


def _tried_number(status: OfflineStatus) -> object:
    return status.checked_at


_COLUMNS: tuple[Column[OfflineStatus], ...] = (
    Column("Configuration", _name),
    Column("Without a network", _words, help="From what is on this computer now"),
    Column("Tried", _tried, _tried_number, help="When a dry run went well with all of it"),
)
