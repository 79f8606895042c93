"""The queue: runs that wait until nothing else trains on this computer."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from models.db.run_repository import not_queued
from models.domain.errors import AppError, ConfigError
from models.domain.run import Run, RunState
from models.domain.run_history import QueueTurn
from services.environment.folder_lock import try_lock
from services.run_follower import START_SECONDS
from services.run_outputs import OnExisting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from services.run_records import RunRecords
    from services.runs import RunService

_CONCERNS_ALL = {
    "runtime_missing",
    "docker_missing",
    "docker_stopped",
    "docker_denied",
    "docker_old",
}
_MOST_LIVE = 1000


class RunQueue:
    """Blocking and thread-safe; knows no Qt. Window and command line both start from it.

    ``lock`` is a file that whoever starts runs of the queue holds: only one program does at a
    time, so a run that was taken from the queue while nobody holds it was left by a program that
    was ended.
    """

    def __init__(self, runs: RunService, records: RunRecords, lock: Path) -> None:
        self._runs = runs
        self._records = records
        self._lock = lock

    def enqueue(
        self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse"
    ) -> Run:
        """Check everything now and let the run wait. Raises as :meth:`RunService.start` does."""
        starter = self._runs.starter
        answer = OnExisting(on_existing)
        planned = starter.plan(config, name, answer, self._runs.others, queued=True)
        return starter.add(config, planned, queued_at=time.time())

    def list(self) -> Sequence[Run]:
        """The runs that wait, the next one first."""
        with self._held() as held:
            if held:
                self._take_back()
        return self._records.waiting()

    def move(self, run_id: str, where: str) -> Sequence[Run]:
        """Change a run's place: ``up``, ``down``, ``first`` or ``last``; AppError("not_queued")."""
        return self._records.reorder(run_id, where)

    def remove(self, run_id: str) -> Run:
        """Take a run out of the queue: it is stopped then. AppError("not_queued")."""
        run = self._records.get(run_id)
        if run.state is not RunState.QUEUED or run.queued_at is None:
            raise not_queued(run)
        return self._runs.stop(run_id)

    def due(self) -> Run | None:
        """The run that :meth:`start_next` would try to start now, for whoever makes room for it.

        None while something trains, and where the computer is not ready for it.
        """
        with self._held() as held:
            if not held:
                return None
            self._settle_all()
            run = self._records.next_due()
            try:
                if run is not None:
                    self._runs.starter.check_waiting(run)
            except AppError as error:
                return None if _concerns_all(error) else run
            return run

    def start_next(self) -> QueueTurn:
        """Start the next run if nothing trains on this computer.

        One that cannot be started is stored as failed with the reason, and the one after it is
        taken; where the computer is not ready for any of them, all wait on.
        """
        with self._held() as held:
            if not held:
                return QueueTurn()
            self._settle_all()
            return self._start_one()

    def _settle_all(self) -> None:
        self._runs.others()  # what has ended is stored as such
        self._take_back()

    def _start_one(self) -> QueueTurn:
        starter = self._runs.starter
        failed: list[Run] = []
        while (run := self._records.claim_next(time.time())) is not None:
            waited_since = run.queued_at
            try:
                starter.check_waiting(run)
                starter.rewrite_job(run)
                return QueueTurn(starter.launch(run), tuple(failed))
            except AppError as error:
                if _concerns_all(error):
                    self._put_back(run.id, waited_since)
                    return QueueTurn(None, tuple(failed), _why(error))
                failed.append(self._failed(run, error))
        return QueueTurn(None, tuple(failed))

    def _failed(self, run: Run, error: AppError) -> Run:
        stored = self._records.get(run.id)
        return stored if stored.state.is_over else self._runs.starter.fail(run, error)

    def _take_back(self) -> None:
        """Put runs back that a program took and was ended before it had started them."""
        for run in self._records.newest(_MOST_LIVE, live_only=True):
            is_taken = run.queued_at is not None and run.handle is None
            # Only then a trainer that was started has surely told of itself.
            if is_taken and time.time() - (run.started_at or 0) > START_SECONDS:
                self._settle(run)

    def _settle(self, run: Run) -> None:
        try:
            handle = self._runs.starter.find(run)
        except AppError:  # an engine that does not answer: nobody knows yet
            return
        if handle is None:
            self._put_back(run.id, run.queued_at)
        else:
            self._records.transition(run, run.state, handle=handle, queued_at=None)

    def _put_back(self, run_id: str, waited_since: float | None) -> None:
        run = self._records.get(run_id)
        self._records.transition(
            run, RunState.QUEUED, queued_at=waited_since, started_at=None, ended_at=None,
            failure=None, handle=None,
        )  # fmt: skip

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """Whether this is the one that starts runs now; until the end of the block it stays so."""
        descriptor = try_lock(self._lock)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _concerns_all(error: AppError) -> bool:
    """Whether the computer is not ready for this kind of run, so that the next would fail, too."""
    if isinstance(error, ConfigError):
        return all(problem.field == "local.runtime" for problem in error.problems)
    return error.kind in _CONCERNS_ALL


def _why(error: AppError) -> str:
    """The reason in a sentence or two, without the frame of a list of settings."""
    if isinstance(error, ConfigError) and error.problems:
        problem = error.problems[0]
        return f"{problem.value} {problem.message} {problem.remedy}".strip()
    return str(error)
