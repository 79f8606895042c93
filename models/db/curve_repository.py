"""The curves of runs, thinned where they are stored: a hundred thousand points never leave SQLite.

A run is cut into stretches of so many events in a row, and of each stretch the events with the
lowest and the highest value are kept: no peak is lost, and every point that is shown was measured.
Largest triangle three buckets, the usual alternative, would have to look at each point in Python,
which takes several times as long, and may drop a peak, the very thing to be seen.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, select, text

from models.db.metric_repository import to_event
from models.db.repository import Repository
from models.db.tables import MetricRow

if TYPE_CHECKING:
    import builtins
    from collections.abc import Collection

    from sqlalchemy import Select

    from models.domain.run import RunEvent

_EVAL_LOSS = "eval_loss"

# SQLite takes the other columns of a query with min() or max() from the row that has it
# (sqlite.org/lang_select.html#bareagg). Range by range it needs no sorting.
_EXTREMES = """
WITH RECURSIVE stretch(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM stretch WHERE k + 1 < :count)
SELECT
  (SELECT json_array(seq, min({name})) FROM metrics WHERE run_id = :run AND type = :kind
    AND seq BETWEEN k * :length AND (k + 1) * :length - 1 AND {name} IS NOT NULL),
  (SELECT json_array(seq, max({name})) FROM metrics WHERE run_id = :run AND type = :kind
    AND seq BETWEEN k * :length AND (k + 1) * :length - 1 AND {name} IS NOT NULL)
FROM stretch
"""


class Point(NamedTuple):
    """One measured value of a run."""

    seq: int
    step: int
    time: float
    value: float


class Pause(NamedTuple):
    """From event ``seq`` on, ``seconds`` more have passed while nothing ran."""

    seq: int
    seconds: float


class CurveRepository(Repository):
    """Reads the metrics of one run at a time."""

    def points(self, run_id: str, metric: str, most: int) -> builtins.list[Point]:
        """About ``most`` points of a metric (a column's name) in the order they were written."""
        value = MetricRow.__table__.c[metric]
        query = select(MetricRow.seq, MetricRow.step, MetricRow.time, value).where(
            MetricRow.run_id == run_id,
            MetricRow.type == _type_of(metric),
            MetricRow.step.is_not(None),
            value.is_not(None),
        )
        if self._events(run_id) > most:
            query = _only(query, self._extremes(run_id, metric, most))
        return [Point(*row) for row in self._session.execute(query.order_by(MetricRow.seq))]

    def events(self, run_id: str, most: int) -> builtins.list[RunEvent]:
        """A run's events in order. Where there are more than ``most``, of those that tell of
        progress only the ones with the lowest and highest losses, and the last."""
        query = select(MetricRow.__table__).where(MetricRow.run_id == run_id)
        if self._events(run_id) > most:
            query = _only(query, self._telling(run_id, most))
        return [to_event(row) for row in self._session.execute(query.order_by(MetricRow.seq))]

    def of_types(self, run_id: str, types: Collection[str]) -> builtins.list[RunEvent]:
        """A run's events of these types, in order."""
        query = select(MetricRow.__table__).where(
            MetricRow.run_id == run_id, MetricRow.type.in_(types)
        )
        return [to_event(row) for row in self._session.execute(query.order_by(MetricRow.seq))]

    def first_time(self, run_id: str) -> float | None:
        """When the run's first event was; None before it."""
        query = select(MetricRow.time).where(MetricRow.run_id == run_id).order_by(MetricRow.seq)
        return self._session.scalars(query.limit(1)).first()

    def pauses(self, run_id: str) -> builtins.list[Pause]:
        """How long a run that was resumed lay still before each boot but the first."""
        phases = select(MetricRow.seq, MetricRow.time, MetricRow.fields).where(
            MetricRow.run_id == run_id, MetricRow.type == "phase", MetricRow.seq > 0
        )
        found = []
        for seq, time, fields in self._session.execute(phases.order_by(MetricRow.seq)):
            if isinstance(fields, dict) and fields.get("phase") == "preparing":
                before = self._time_before(run_id, seq)
                found.append(Pause(seq, 0.0 if before is None else max(0.0, time - before)))
        return found

    def _time_before(self, run_id: str, seq: int) -> float | None:
        """When the stored event before this number was; heartbeats have numbers and no row."""
        earlier = select(MetricRow.time).where(MetricRow.run_id == run_id, MetricRow.seq < seq)
        return self._session.scalars(earlier.order_by(MetricRow.seq.desc()).limit(1)).first()

    def _telling(self, run_id: str, most: int) -> set[int]:
        of_run = MetricRow.run_id == run_id
        others = self._session.scalars(
            select(MetricRow.seq).where(of_run, MetricRow.type != "progress")
        )
        last = select(func.max(MetricRow.seq)).where(of_run)
        return {*self._extremes(run_id, "loss", most), *others, self._session.scalar(last) or 0}

    def _extremes(self, run_id: str, metric: str, most: int) -> set[int]:
        """The numbers of the events with the lowest and highest values of each stretch."""
        count = max(1, most // 2)
        length = -(-self._events(run_id) // count)
        values = {"run": run_id, "kind": _type_of(metric), "count": count, "length": length}
        name = MetricRow.__table__.c[metric].name  # it becomes part of the statement
        rows = self._session.execute(text(_EXTREMES.format(name=name)), values)
        found = {json.loads(one)[0] for row in rows for one in row}
        return found - {None}

    def _events(self, run_id: str) -> int:
        """How many events there are, heartbeats counted: they are numbered without a gap."""
        last = self._session.scalar(
            select(func.max(MetricRow.seq)).where(MetricRow.run_id == run_id)
        )
        return 0 if last is None else last + 1


def _only(query: Select[Any], numbers: Collection[int]) -> Select[Any]:
    """The query for these events only; as one JSON text, since SQLite limits its parameters."""
    wanted = func.json_each(bindparam("wanted", json.dumps(sorted(numbers)))).table_valued("value")
    return query.where(MetricRow.seq.in_(select(wanted.c.value)))


def _type_of(metric: str) -> str:
    return "eval" if metric == _EVAL_LOSS else "progress"
