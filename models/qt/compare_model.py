"""Several runs beside each other: their curves over one axis, and the settings that differ."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.run_history import BY_STEP, BY_TIME, best_loss, final_loss
from models.qt.metrics_model import LOSS
from models.qt.runs_model import cost_words, loss_words, name_of, state_words, took_words
from models.qt.wording import duration, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run import Run
    from models.domain.run_history import Curve, Difference

MOST_COMPARED = 8
"""More curves than this nobody tells apart."""
_STEPS = (1.0, "Step")
_UNITS = ((7200.0, 3600.0, "Hours"), (180.0, 60.0, "Minutes"), (0.0, 1.0, "Seconds"))
"""From so many seconds on, so many make one, called so."""


@dataclass(frozen=True, slots=True)
class CurveLine:
    """A curve to draw: the run's number here, places on the lower axis, values."""

    number: int
    places: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CompareRow:
    """A line of the table: ``marked`` are the values that stand out, ``is_best`` because they are
    the lowest, else because they are not the first run's."""

    label: str
    values: tuple[str, ...]
    marked: frozenset[int]
    is_best: bool = False


class CompareModel(QObject):
    """The runs that are compared; a controller brings curves and differences.

    Signals:
        changed: there is something else to show.
        curves_wanted: the curves of these runs, of ``metric`` and ``axis``, are not here yet.
    """

    changed = Signal()
    curves_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: tuple[Run, ...] = ()
        self._curves: dict[tuple[str, str], tuple[CurveLine, ...]] = {}
        self._units: dict[tuple[str, str], tuple[float, str]] = {}
        self._differences: tuple[Difference, ...] = ()
        self.metric = LOSS
        self.axis = BY_STEP

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, in the order of their numbers."""
        return self._runs

    @property
    def names(self) -> tuple[str, ...]:
        """What the runs are called; with the time where two have one name."""
        return distinct_names(self._runs)

    @property
    def is_reading(self) -> bool:
        """Whether the curves that are wanted are on their way."""
        return (self.metric, self.axis) not in self._curves

    @property
    def axis_label(self) -> str:
        """What the lower axis counts."""
        return self._unit()[1]

    def begin(self, runs: Sequence[Run]) -> None:
        """Compare these runs; the same ones keep what is known of them."""
        chosen = tuple(runs[:MOST_COMPARED])
        is_new = [run.id for run in chosen] != [run.id for run in self._runs]
        self._runs = chosen
        if is_new:
            self._curves, self._differences = {}, ()
        self.changed.emit()
        if is_new and chosen:
            self.curves_wanted.emit()

    @Slot(str)
    def set_metric(self, metric: str) -> None:
        """Show another loss."""
        self.metric = metric
        self._show_wanted()

    @Slot(str)
    def set_axis(self, axis: str) -> None:
        """Show the curves over steps, or over the time."""
        self.axis = axis
        self._show_wanted()

    def set_curves(self, metric: str, axis: str, curves: Sequence[Curve]) -> None:
        """Take the curves of a loss over an axis, one for each run at most."""
        numbers = {run.id: number for number, run in enumerate(self._runs)}
        found = [curve for curve in curves if curve.run_id in numbers and curve.xs]
        unit = _time_unit(found) if axis == BY_TIME else _STEPS
        self._units[metric, axis] = unit
        self._curves[metric, axis] = tuple(
            CurveLine(numbers[curve.run_id], tuple(x / unit[0] for x in curve.xs), curve.ys)
            for curve in found
        )
        self.changed.emit()

    def set_differences(self, differences: Sequence[Difference]) -> None:
        """Take the settings that differ."""
        self._differences = tuple(differences)
        self.changed.emit()

    def lines(self) -> tuple[CurveLine, ...]:
        """The curves to draw now, in the units of the axis; the same object until they change."""
        return self._curves.get((self.metric, self.axis), ())

    def value_at(self, number: int, place: float | None) -> float | None:
        """A run's value at a place of the axis, or its newest one."""
        line = next((one for one in self.lines() if one.number == number), None)
        if line is None:
            return None
        if place is None:
            return line.values[-1]
        before = bisect_right(line.places, place) - 1
        return line.values[before] if before >= 0 else None

    def place_words(self, place: float | None) -> str:
        """Which values the legend shows."""
        if not self.lines():
            return ""
        if place is None:
            return "Newest values"
        if self.axis == BY_STEP:
            return f"At step {place:,.0f}"
        return f"After {duration(place * self._unit()[0])}"

    def rows(self) -> tuple[CompareRow, ...]:
        """Results of the runs: state, losses, time, cost."""
        runs = self._runs
        final, best = [final_loss(run) for run in runs], [best_loss(run) for run in runs]
        rows = [
            CompareRow("State", tuple(map(state_words, runs)), frozenset()),
            CompareRow("Final loss", tuple(map(loss_words, final)), _lowest(final), is_best=True),
            CompareRow("Best loss", tuple(map(loss_words, best)), _lowest(best), is_best=True),
            CompareRow("Took", tuple(map(took_words, runs)), frozenset()),
        ]
        if any(run.cost_usd is not None for run in runs):
            rows.append(CompareRow("Cost", tuple(map(cost_words, runs)), frozenset()))
        return tuple(rows)

    def difference_rows(self) -> tuple[CompareRow, ...]:
        """The settings that differ; marked is what is not as in the first run."""
        return tuple(
            CompareRow(one.label, one.values, _others(one.values)) for one in self._differences
        )

    def _show_wanted(self) -> None:
        self.changed.emit()
        if self.is_reading and self._runs:
            self.curves_wanted.emit()

    def _unit(self) -> tuple[float, str]:
        return self._units.get((self.metric, self.axis), _STEPS)


def _time_unit(curves: Sequence[Curve]) -> tuple[float, str]:
    longest = max((curve.xs[-1] for curve in curves), default=0.0)
    return next((size, word) for least, size, word in _UNITS if longest >= least)


def distinct_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names that tell runs apart: those which several share have the time, or the id."""
    often = Counter(name_of(run) for run in runs)
    timed = [
        name_of(run) if often[name_of(run)] == 1 else f"{name_of(run)}, {when(run.created_at)}"
        for run in runs
    ]
    again = Counter(timed)
    return tuple(
        name if again[name] == 1 else f"{name_of(run)}, {run.id}"
        for run, name in zip(runs, timed, strict=True)
    )


def _lowest(values: Sequence[float | None]) -> frozenset[int]:
    known = [value for value in values if value is not None]
    if len(known) < 2 or min(known) == max(known):
        return frozenset()
    return frozenset(number for number, value in enumerate(values) if value == min(known))


def _others(values: Sequence[str]) -> frozenset[int]:
    return frozenset(number for number, value in enumerate(values) if value != values[0])
