"""Back and forward through the places a reader has been to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from models.domain.guide import Place


class PlaceHistory(QObject):
    """The way so far; going somewhere new forgets what lay ahead.

    Signals:
        changed: there may be something to go back or forward to now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._places: list[Place] = []
        self._now = -1

    @property
    def place(self) -> Place | None:
        """Where the reader is."""
        return self._places[self._now] if self._places else None

    @property
    def can_go_back(self) -> bool:
        """Whether there is an earlier place."""
        return self._now > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether there is a later place."""
        return self._now < len(self._places) - 1

    def go(self, place: Place) -> None:
        """Go to a place; being there already adds nothing."""
        if place != self.place:
            self._places[self._now + 1 :] = [place]
            self._now += 1
            self.changed.emit()

    def back(self) -> Place | None:
        """Go one place back and return it."""
        return self._move(-1) if self.can_go_back else None

    def forward(self) -> Place | None:
        """Go one place forward and return it."""
        return self._move(1) if self.can_go_forward else None

    def _move(self, step: int) -> Place | None:
        self._now += step
        self.changed.emit()
        return self.place
