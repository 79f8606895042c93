"""Pods of runs, as they are written down before each step."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from models.db.repository import Repository
from models.db.tables import RemoteAttemptRow
from models.domain.errors import AppError
from models.domain.remote_run import RemoteAttempt, RemotePhase, Teardown

if TYPE_CHECKING:
    import builtins

logger = logging.getLogger(__name__)

_DIFFERENT = {"phase", "teardown", "tried"}
_SAME = tuple(field.name for field in fields(RemoteAttempt) if field.name not in _DIFFERENT)
"""The fields that a row holds just as the value does."""


class RemoteAttemptRepository(Repository):
    """Attempts by run and number."""

    def add(self, attempt: RemoteAttempt) -> None:
        """Store a new one."""
        self._lock()
        row = RemoteAttemptRow()
        _fill(row, attempt)
        self._session.add(row)
        self._session.flush()

    def get(self, run_id: str, number: int) -> RemoteAttempt:
        """The attempt; AppError("not_found") where there is none."""
        return _to_value(self._row(run_id, number))

    def of_run(self, run_id: str) -> builtins.list[RemoteAttempt]:
        """All of a run, the first one first."""
        query = select(RemoteAttemptRow).where(RemoteAttemptRow.run_id == run_id)
        rows = self._session.scalars(query.order_by(RemoteAttemptRow.number))
        return [_to_value(row) for row in rows]

    def list(self, *, open_only: bool = False) -> builtins.list[RemoteAttempt]:
        """All of all runs, the oldest first; with ``open_only`` those that are not over."""
        query = select(RemoteAttemptRow).order_by(RemoteAttemptRow.created_at)
        if open_only:
            query = query.where(RemoteAttemptRow.phase != RemotePhase.OVER.value)
        return [_to_value(row) for row in self._session.scalars(query)]

    def change(self, run_id: str, number: int, **changes: Any) -> RemoteAttempt:
        """Store these fields, leaving the others as they are, and return the attempt."""
        self._lock()
        row = self._row(run_id, number)
        changed = replace(_to_value(row), **changes)
        _fill(row, changed)
        self._session.flush()
        return changed

    def _row(self, run_id: str, number: int) -> RemoteAttemptRow:
        row = self._session.get(RemoteAttemptRow, (run_id, number))
        if row is None:
            raise AppError("not_found", f"Run {run_id} has no pod number {number}.")
        return row


def _fill(row: RemoteAttemptRow, attempt: RemoteAttempt) -> None:
    for name in _SAME:
        setattr(row, name, getattr(attempt, name))
    row.phase, row.teardown = attempt.phase.value, attempt.teardown.value
    row.tried = list(attempt.tried)


def _to_value(row: RemoteAttemptRow) -> RemoteAttempt:
    """Of a phase that is damaged, or a later program's, only the pod's end is known to be right;
    it must not keep the pods of other runs from theirs."""
    tried = row.tried if isinstance(row.tried, list) else []
    phase, teardown = RemotePhase.ENDING, Teardown.REQUESTED
    if row.phase in set(RemotePhase) and row.teardown in set(Teardown):
        phase, teardown = RemotePhase(row.phase), Teardown(row.teardown)
    else:
        logger.warning("the pod %s is of no phase that is known, and is ended", row.name)
    return RemoteAttempt(
        **{name: getattr(row, name) for name in _SAME},
        phase=phase,
        teardown=teardown,
        tried=tuple(str(one) for one in tried),
    )
