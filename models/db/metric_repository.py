"""The events of runs, as the trainer wrote them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import IntegrityError

from models.db.repository import Repository
from models.db.tables import MetricRow
from models.domain.errors import AppError
from models.domain.run import RunEvent

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from sqlalchemy import Row

_COLUMNS: dict[str, type] = {
    "step": int,
    "loss": float,
    "eval_loss": float,
    "learning_rate": float,
    "grad_norm": float,
    "tokens_per_second": float,
    "tokens": int,
    "peak_memory_bytes": int,
    "epoch": float,
}
"""Fields with a column of their own, and what that column can hold."""


class MetricRepository(Repository):
    """Events by run and number. Reading gives exactly the events that were written."""

    def add(self, run_id: str, events: Sequence[RunEvent]) -> None:
        """Store events. One whose number is stored already is left out, so repeating is safe.

        Raises AppError("not_found") if the run has been deleted meanwhile.
        """
        if not events:
            return
        statement = insert(MetricRow).on_conflict_do_nothing(index_elements=["run_id", "seq"])
        try:
            self._session.connection().execute(statement, [_row(run_id, e) for e in events])
        except IntegrityError as error:
            raise AppError("not_found", f'There is no run "{run_id}" any more.') from error

    def list(self, run_id: str, from_seq: int = 0) -> builtins.list[RunEvent]:
        """A run's events in order, from number ``from_seq`` on."""
        # Columns, not row objects: a chart of a long run asks for a hundred thousand.
        query = select(MetricRow.__table__).where(MetricRow.run_id == run_id)
        query = query.where(MetricRow.seq >= from_seq).order_by(MetricRow.seq)
        return [to_event(row) for row in self._session.execute(query)]


def _row(run_id: str, event: RunEvent) -> dict[str, Any]:
    columns = {name: _fitting(event.fields.get(name), kind) for name, kind in _COLUMNS.items()}
    rest = {name: value for name, value in event.fields.items() if columns.get(name) is None}
    fixed = {"run_id": run_id, "seq": event.seq, "time": event.time, "type": event.type}
    return {**fixed, **columns, "fields": rest}


def _fitting(value: object, kind: type) -> int | float | None:
    # What a column would change stays in the JSON: NaN (SQLite's NULL), a float among integers,
    # an integer of more than 64 bits.
    if isinstance(value, float) and kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and kind is int:
        return value if -(2**63) <= value < 2**63 else None
    return None


def to_event(row: Row[Any]) -> RunEvent:
    """An event from all columns of its row."""
    fields: dict[str, object] = dict(row.fields) if isinstance(row.fields, dict) else {}
    fields |= {name: value for name in _COLUMNS if (value := getattr(row, name)) is not None}
    return RunEvent(row.seq, row.time, row.type, fields)
