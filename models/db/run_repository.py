"""Runs, each with a snapshot of its configuration, and the changes of their state."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from models.db.repository import SHOWN_NAMES, Repository
from models.db.tables import RunRow
from models.domain.config import TARGET_LOCAL
from models.domain.config_io import from_dict, to_dict
from models.domain.errors import AppError
from models.domain.run import (
    ContainerHandle,
    Failure,
    JobHandle,
    PodHandle,
    ProcessHandle,
    Run,
    RunState,
    check_transition,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Select

logger = logging.getLogger(__name__)

LAST_RUN = "last"
"""What a person may say instead of the newest run's id."""

_DIFFERENT = {"config", "state", "failure", "handle", "tags", "parent_run_id"}
_SAME = tuple(field.name for field in fields(Run) if field.name not in _DIFFERENT)
"""The fields that a row holds just as the value does."""


class RunRepository(Repository):
    """Runs by id. An illegal change of state raises and stores nothing."""

    def add(self, run: Run) -> Run:
        """Store a new run and return it as stored."""
        self._lock()
        row = RunRow()
        self._fill(row, run)
        self._session.add(row)
        self._session.flush()
        return _to_value(row)

    def get(self, run_id: str) -> Run:
        """The run of exactly that id.

        Raises AppError: ``not_found``; or, naming it, ``newer_version`` and ``bad_config`` where
        its stored configuration cannot be read.
        """
        return _to_value(self._row(run_id))

    def list(self, limit: int | None = None, live_only: bool = False) -> builtins.list[Run]:
        """Runs, the newest first. One that cannot be read is left out, and the log says so."""
        query = _newest_first().limit(limit)
        if live_only:
            query = query.where(RunRow.state.in_([state for state in RunState if state.is_live]))
        return list(_readable(self._session.scalars(query)))

    def find(self, text: str) -> Run:
        """What a person means by ``text``: an id, the beginning of only one, or "last".

        Raises AppError: ``not_found`` or ``ambiguous``, with ids that exist.
        """
        text = text.strip()
        exact = self._session.get(RunRow, text)
        return _to_value(exact or _the_only(text, self._candidates(text), self._newest_ids()))

    def update(self, run: Run) -> None:
        """Store every field of ``run`` as it is now.

        Raises IllegalTransitionError where the stored state does not lead to ``run.state``, so
        that an old value cannot undo what happened meanwhile; :meth:`change` starts from the
        stored one.
        """
        self._lock()
        row = self._row(run.id)
        check_transition(RunState(row.state), run.state)
        self._fill(row, run)
        self._session.flush()

    def change(self, run_id: str, **fields: Any) -> Run:
        """Store these fields of the run, leaving the others as they are, and return it."""
        self._lock()
        run = replace(self.get(run_id), **fields)
        self.update(run)
        return run

    def transition(self, run_id: str, new_state: RunState, **fields: Any) -> Run:
        """Store a new state, and fields that change with it, and return the run.

        Raises IllegalTransitionError where the stored state, which another process may have
        changed a moment ago, does not lead there.
        """
        return self.change(run_id, state=new_state, **fields)

    def transition_from(self, seen: Run, new_state: RunState, **fields: Any) -> Run | None:
        """The same, but only for a run whose state and handle are still as they were ``seen``.

        None where another program moved it on meanwhile: what was concluded from the old state
        does not hold any more.
        """
        self._lock()
        stored = self.get(seen.id)
        if (stored.state, stored.handle) != (seen.state, seen.handle):
            return None
        return self.transition(seen.id, new_state, **fields)

    def has(self, run_id: str) -> bool:
        """Whether there is a run of exactly that id."""
        return self._session.get(RunRow, run_id) is not None

    def waiting(self) -> builtins.list[Run]:
        """The runs of the queue, the next one first."""
        return list(_readable(self._session.scalars(_waiting())))

    def next_due(self) -> Run | None:
        """The next waiting run, unless a run of this computer is live."""
        if any(run.config.training.target == TARGET_LOCAL for run in self.list(live_only=True)):
            return None
        return next(iter(self.waiting()), None)

    def claim_next(self, now: float) -> Run | None:
        """Move the next waiting run to ``preparing``, unless a run of this computer is live."""
        self._lock()
        following = self.next_due()
        if following is None:
            return None
        return self.transition(following.id, RunState.PREPARING, started_at=now)

    def reorder(self, run_id: str, where: str) -> None:
        """Change a waiting run's place: ``up``, ``down``, ``first`` or ``last``.

        The times by which they are ordered are dealt out anew. AppError("not_queued").
        """
        self._lock()
        rows = self._session.scalars(_waiting()).all()
        ids, times = [row.id for row in rows], [row.queued_at for row in rows]
        if run_id not in ids:
            raise not_queued(self.get(run_id))
        place = ids.index(run_id)
        target = {"up": place - 1, "down": place + 1, "first": 0, "last": len(ids)}[where]
        ids.insert(max(0, target), ids.pop(place))
        by_id = {row.id: row for row in rows}
        for one, time in zip(ids, times, strict=True):
            by_id[one].queued_at = time
        self._session.flush()

    def delete(self, run_id: str) -> None:
        """Forget the run and its metrics. Files and processes are not touched.

        Raises AppError("running") where something may still work for it.
        """
        self._lock()
        row = self._row(run_id)
        if row.state in {state.value for state in RunState if state.is_live}:
            raise AppError("running", f"Run {run_id} is still running.", "Stop it first.")
        self._session.delete(row)
        self._session.flush()

    def _row(self, run_id: str) -> RunRow:
        row = self._session.get(RunRow, run_id)
        if row is None:
            raise _not_found(run_id, self._newest_ids())
        return row

    def _candidates(self, text: str) -> Sequence[RunRow]:
        if text == LAST_RUN:
            return self._session.scalars(_newest_first().limit(1)).all()
        begins = RunRow.id.startswith(text, autoescape=True)
        return self._session.scalars(_newest_first().where(begins).limit(SHOWN_NAMES + 1)).all()

    def _newest_ids(self) -> Sequence[str]:
        ids = _newest_first().with_only_columns(RunRow.id).limit(SHOWN_NAMES)
        return self._session.scalars(ids).all()

    def _fill(self, row: RunRow, run: Run) -> None:
        for name in _SAME:
            setattr(row, name, getattr(run, name))
        row.config = to_dict(run.config)
        row.state = run.state.value
        row.failure_kind = run.failure.kind if run.failure else None
        row.failure_message = run.failure.message if run.failure else None
        row.failure_hint = run.failure.hint if run.failure else None
        _fill_handle(row, run.handle)
        row.tags = list(run.tags)
        # A parent deleted since this value was read is forgotten, not an error.
        parent = self._session.get(RunRow, run.parent_run_id) if run.parent_run_id else None
        row.parent_run_id = parent.id if parent else None


def _newest_first() -> Select[RunRow]:
    return select(RunRow).order_by(RunRow.created_at.desc(), RunRow.id.desc())


def _waiting() -> Select[RunRow]:
    waits = RunRow.state == RunState.QUEUED.value, RunRow.queued_at.is_not(None)
    return select(RunRow).where(*waits).order_by(RunRow.queued_at, RunRow.id)


def not_queued(run: Run) -> AppError:
    """The error of a run that should wait and does not."""
    message = f"Run {run.id} does not wait in the queue: it is {run.state}."
    return AppError("not_queued", message)


def _readable(rows: Iterable[RunRow]) -> Iterable[Run]:
    for row in rows:
        try:
            yield _to_value(row)
        except AppError as error:
            logger.warning("left out of the list: %s", error)


def _to_value(row: RunRow) -> Run:
    try:
        config, state = from_dict(row.config), RunState(row.state)
    except AppError as error:
        message = f'The run "{row.name}" ({row.id}) cannot be read: {error.message}'
        raise AppError(error.kind, message, error.hint, error.details) from error
    except ValueError as error:
        message = f'The run "{row.name}" ({row.id}) has a state this version does not know.'
        raise AppError("newer_version", message, "Update Temper.", str(error)) from error
    return Run(
        **{name: getattr(row, name) for name in _SAME},
        config=config,
        state=state,
        failure=_failure(row),
        handle=_handle(row),
        tags=_tags(row),
        parent_run_id=row.parent_run_id or "",
    )


def _failure(row: RunRow) -> Failure | None:
    if row.failure_kind is None:
        return None
    return Failure(row.failure_kind, row.failure_message or "", row.failure_hint or "")


def _fill_handle(row: RunRow, handle: JobHandle | None) -> None:
    process = handle if isinstance(handle, ProcessHandle) else None
    row.process_pid = process.pid if process else None
    row.process_created = process.created if process else None
    container = handle if isinstance(handle, ContainerHandle) else None
    row.container_id = container.id if container else None
    row.container_name = container.name if container else None
    row.container_endpoint = container.endpoint if container else None
    row.pod_attempt = handle.number if isinstance(handle, PodHandle) else None


def _handle(row: RunRow) -> JobHandle | None:
    if row.pod_attempt is not None:
        return PodHandle(row.id, row.pod_attempt)
    if row.container_id is not None:
        return ContainerHandle(
            row.container_id, row.container_name or "", row.container_endpoint or ""
        )
    if row.process_pid is None or row.process_created is None:
        return None
    return ProcessHandle(row.process_pid, row.process_created)


def _tags(row: RunRow) -> tuple[str, ...]:
    found = row.tags if isinstance(row.tags, list) else []
    return tuple(tag for tag in found if isinstance(tag, str))


def _the_only(text: str, rows: Sequence[RunRow], newest: Sequence[str]) -> RunRow:
    if not text or not rows:
        raise _not_found(text, newest)
    if len(rows) > 1:
        ids = ", ".join(row.id for row in rows[:SHOWN_NAMES])
        raise AppError(
            "ambiguous", f'Several runs begin with "{text}".', f"Type more of the id: {ids}."
        )
    return rows[0]


def _not_found(text: str, newest: Sequence[str]) -> AppError:
    hint = f"The newest are: {', '.join(newest)}." if newest else "There are no runs yet."
    return AppError("not_found", f'There is no run "{text}".', hint)
