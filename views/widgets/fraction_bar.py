"""A bar that shows how far something is, without a text of its own."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar

_PARTS = 1000


class FractionBar(QProgressBar):
    """Shows a part of the whole, or moves where nobody knows how much is left."""

    def __init__(self, name: str = "", words: str = "") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(words)
        self.setTextVisible(False)
        self.setRange(0, _PARTS)

    def show_fraction(self, fraction: float | None) -> None:
        """From 0 to 1; None moves the bar without a measure."""
        wanted = 0 if fraction is None else _PARTS
        if self.maximum() != wanted:
            self.setRange(0, wanted)
        if fraction is not None:
            self.setValue(round(fraction * _PARTS))

    def rest(self) -> None:
        """Nothing goes on: a bar without a measure moves no longer."""
        self.setRange(0, _PARTS)
