"""The curves of a run as they are drawn: thinned, over steps or over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.run_history import BY_TIME, Curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.db.curve_repository import Pause, Point
    from models.db.database import UnitOfWork


def read_curve(uow: UnitOfWork, run_id: str, metric: str, points: int, over: str) -> Curve:
    """One curve of a run, of about ``points`` points; empty where it has none of this metric."""
    found = uow.curves.points(run_id, metric, points)
    if not found:
        return Curve(run_id, metric)
    if over == BY_TIME:
        begin = uow.curves.first_time(run_id) or found[0].time
        xs = _seconds(found, begin, uow.curves.pauses(run_id))
    else:
        found = _without_repeats(found)
        xs = [float(point.step) for point in found]
    return Curve(run_id, metric, tuple(xs), tuple(point.value for point in found))


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    """A resumed run repeats the steps after its checkpoint: the curve goes on from there."""
    kept: list[Point] = []
    for point in points:
        while kept and kept[-1].step >= point.step:
            kept.pop()
        kept.append(point)
    return kept


def _seconds(points: Sequence[Point], begin: float, pauses: Sequence[Pause]) -> list[float]:
    """Seconds of training since the beginning, never falling back where a clock was set."""
    found: list[float] = []
    waiting, idle = list(pauses), 0.0
    for point in points:
        while waiting and waiting[0].seq <= point.seq:
            idle += waiting.pop(0).seconds
        now = max(0.0, point.time - begin - idle)
        found.append(max(now, found[-1]) if found else now)
    return found
