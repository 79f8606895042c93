"""The database's side of runs: each call is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.run import HEARTBEAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.db.database import Database
    from models.domain.run import Run, RunEvent, RunState


class RunRecords:
    """Runs and their metrics as stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        """Where they are stored."""
        return self._database

    def get(self, run_id: str) -> Run:
        """One run; AppError("not_found") where there is none."""
        with self._database.unit_of_work() as uow:
            return uow.runs.get(run_id)

    def find(self, text: str) -> Run:
        """A run by its id, the beginning of it, or ``last``."""
        with self._database.unit_of_work() as uow:
            return uow.runs.find(text)

    def newest(self, limit: int, *, live_only: bool = False) -> Sequence[Run]:
        """Runs, newest first."""
        with self._database.unit_of_work() as uow:
            return uow.runs.list(limit=limit, live_only=live_only)

    def add(self, run: Run) -> Run:
        """Store a new run."""
        with self._database.unit_of_work() as uow:
            added = uow.runs.add(run)
            uow.commit()
        return added

    def transition(self, run: Run, state: RunState, **changes: object) -> Run:
        """Move a run to ``state``, with further fields, if it may go there."""
        with self._database.unit_of_work() as uow:
            changed = uow.runs.transition(run.id, state, **changes)
            uow.commit()
        return changed

    def transition_from(self, seen: Run, state: RunState, **changes: object) -> Run | None:
        """The same, unless the run is not as it was ``seen`` any more: None then."""
        with self._database.unit_of_work() as uow:
            changed = uow.runs.transition_from(seen, state, **changes)
            uow.commit()
        return changed

    def store(self, run_id: str, events: Sequence[RunEvent], changes: Mapping[str, object]) -> Run:
        """Store new events together with what they change of the run.

        Heartbeats are news and no history: a night of long steps has thousands.
        """
        kept = [event for event in events if event.type != HEARTBEAT]
        with self._database.unit_of_work() as uow:
            uow.metrics.add(run_id, kept)
            changed = uow.runs.change(run_id, **changes)
            uow.commit()
        return changed

    def change(self, run_id: str, **changes: object) -> Run:
        """Store these fields of a run and leave the others as they are."""
        with self._database.unit_of_work() as uow:
            changed = uow.runs.change(run_id, **changes)
            uow.commit()
        return changed

    def waiting(self) -> Sequence[Run]:
        """The runs of the queue, the next one first."""
        with self._database.unit_of_work() as uow:
            return uow.runs.waiting()

    def next_due(self) -> Run | None:
        """What :meth:`claim_next` would take now."""
        with self._database.unit_of_work() as uow:
            return uow.runs.next_due()

    def claim_next(self, now: float) -> Run | None:
        """Take the next run out of the queue to start it, unless something trains here.

        In one transaction: of two programs that ask at once only one gets it.
        """
        with self._database.unit_of_work() as uow:
            claimed = uow.runs.claim_next(now)
            uow.commit()
        return claimed

    def reorder(self, run_id: str, where: str) -> Sequence[Run]:
        """Move a waiting run, and return the queue in its new order."""
        with self._database.unit_of_work() as uow:
            uow.runs.reorder(run_id, where)
            uow.commit()
            return uow.runs.waiting()

    def events(self, run_id: str) -> Sequence[RunEvent]:
        """Every stored event of a run."""
        with self._database.unit_of_work() as uow:
            return uow.metrics.list(run_id)

    def telling_events(self, run_id: str, most: int) -> Sequence[RunEvent]:
        """The events of a run; of more than ``most``, those that its curves are seen by."""
        with self._database.unit_of_work() as uow:
            return uow.curves.events(run_id, most)

    def events_of(self, run_id: str, *types: str) -> Sequence[RunEvent]:
        """The events of these types."""
        with self._database.unit_of_work() as uow:
            return uow.curves.of_types(run_id, types)
