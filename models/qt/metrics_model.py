"""The curves of a run: loss, held-out loss and learning rate by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.run import RunEvent

LOSS, EVAL_LOSS, LEARNING_RATE = "loss", "eval_loss", "learning_rate"


class MetricsModel(QObject):
    """Points of each curve in the order of their steps; a repeated step replaces its point.

    Signals:
        changed: there are points to draw, or none any more.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._curves: dict[str, dict[float, float]] = {}

    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(self._curves.values())

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """Steps and values of a curve."""
        points = self._curves.get(name, {})
        return list(points), list(points.values())

    def clear(self) -> None:
        """Begin another run."""
        self._curves = {}
        self.changed.emit()

    def add(self, events: Iterable[RunEvent]) -> None:
        """Take the points of a run's events."""
        before = sum(len(points) for points in self._curves.values())
        for event in events:
            self._add_one(event)
        if sum(len(points) for points in self._curves.values()) != before:
            self.changed.emit()

    def _add_one(self, event: RunEvent) -> None:
        step = event.number("step")
        if step is None:
            return
        if event.type == "progress":
            self._put(LOSS, step, event.number("loss"))
            self._put(LEARNING_RATE, step, event.number("learning_rate"))
        elif event.type == "eval":
            value = event.number("eval_loss")
            self._put(EVAL_LOSS, step, value if value is not None else event.number("loss"))

    def _put(self, name: str, step: float, value: float | None) -> None:
        if value is None or value != value:
            return
        points = self._curves.setdefault(name, {})
        if points and step < next(reversed(points)):
            # A resumed run repeats the steps after its checkpoint: the curve goes on from there.
            for later in [known for known in points if known >= step]:
                del points[later]
        points[step] = value
