"""The runs that wait for their turn, the next one first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from models.domain.run_history import model_name
from models.qt.runs_model import name_of
from models.qt.table_model import Column, ItemTableModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject

    from models.domain.run import Run

FREE = "the computer to be free"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits: its place from 1 on, and what for."""

    run: Run
    position: int
    waits_for: str


class QueueModel(ItemTableModel["Waiting"]):
    """What waits. ``held`` is why the next one does not start although nothing runs.

    Signals:
        changed: order, length or the reason may be others now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)
        self._ahead = ""
        self.held = ""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, the next one first."""
        return tuple(waiting.run for waiting in self.items)

    def set_queue(self, runs: Sequence[Run], ahead: str | None = None) -> None:
        """Show these runs; ``ahead`` is the name of the one that trains, empty where none does,
        and as it was where it is not given."""
        self._ahead = self._ahead if ahead is None else ahead
        names = [self._ahead or FREE, *(name_of(run) for run in runs)]
        waiting = [
            Waiting(run, number, names[number - 1]) for number, run in enumerate(runs, start=1)
        ]
        if waiting != list(self.items):
            self.set_items(waiting)
            self.changed.emit()

    def set_held(self, reason: str) -> None:
        """Say why the next one waits although nothing runs."""
        if reason != self.held:
            self.held = reason
            self.changed.emit()


def _key(waiting: Waiting) -> object:
    return waiting.run.id


def _position(waiting: Waiting) -> str:
    return str(waiting.position)


def _name(waiting: Waiting) -> str:
    return name_of(waiting.run)


def _waits_for(waiting: Waiting) -> str:
    return waiting.waits_for


def _model(waiting: Waiting) -> str:
    return model_name(waiting.run)


_COLUMNS: tuple[Column[Waiting], ...] = (
    Column("", _position, is_number=True),
    Column("Name", _name),
    Column("Waits for", _waits_for),
    Column("Base model", _model),
)
