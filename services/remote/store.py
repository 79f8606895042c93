"""The database's side of rented pods: each call is one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from models.domain.remote_run import Teardown

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.db.database import Database
    from models.domain.remote_run import RemoteAttempt, RemotePhase

LEASE_SECONDS = 30.0
"""So long after it was last seen, another program may take a driver's work over."""


class LeaseLostError(RuntimeError):
    """Another program looks after the attempt now: leave it alone."""


class AttemptStore:
    """Attempts as stored. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ended: dict[str, float] = {}
        """Until when pods were there that this program has ended, by their ids. In memory: who ends
        them in time waits for no disk."""

    def add(self, attempt: RemoteAttempt) -> RemoteAttempt:
        """Store a new attempt."""
        with self._database.unit_of_work() as uow:
            uow.remote_attempts.add(attempt)
            uow.commit()
        return attempt

    def get(self, run_id: str, number: int) -> RemoteAttempt:
        """One attempt; AppError("not_found") where there is none."""
        with self._database.unit_of_work() as uow:
            return uow.remote_attempts.get(run_id, number)

    def of_run(self, run_id: str) -> tuple[RemoteAttempt, ...]:
        """All of a run, the first one first."""
        with self._database.unit_of_work() as uow:
            return tuple(uow.remote_attempts.of_run(run_id))

    def latest(self, run_id: str) -> RemoteAttempt | None:
        """The newest of a run; None where it was never to have a pod."""
        return next(reversed(self.of_run(run_id)), None)

    def open(self) -> tuple[RemoteAttempt, ...]:
        """All that are not over, the oldest first."""
        with self._database.unit_of_work() as uow:
            return tuple(uow.remote_attempts.list(open_only=True))

    def all(self) -> tuple[RemoteAttempt, ...]:
        """Every one ever, the oldest first."""
        with self._database.unit_of_work() as uow:
            return tuple(uow.remote_attempts.list())

    def change(
        self, run_id: str, number: int, *, driver: str = "", **changes: Any
    ) -> RemoteAttempt:
        """Store these fields and leave the others as they are.

        With ``driver`` only while that one looks after it; else LeaseLostError, and nothing is
        stored.
        """
        with self._database.unit_of_work() as uow:
            changed = uow.remote_attempts.change(run_id, number, **changes)
            if driver and changed.driver != driver:
                raise LeaseLostError(f"{run_id} {number} belongs to {changed.driver}")
            uow.commit()
        return changed

    def succeed(
        self,
        attempt: RemoteAttempt,
        make: Callable[[RemoteAttempt], RemoteAttempt],
        driver: str,
        **changes: Any,
    ) -> RemoteAttempt:
        """End an attempt with these changes and store the one that follows it, both or none."""
        with self._database.unit_of_work() as uow:
            ended = uow.remote_attempts.change(attempt.run_id, attempt.number, **changes)
            if ended.driver != driver:
                raise LeaseLostError(f"{attempt.run_id} belongs to {ended.driver}")
            following = make(ended)
            uow.remote_attempts.add(following)
            uow.commit()
        return following

    def claim(self, run_id: str, number: int, driver: str, now: float) -> RemoteAttempt | None:
        """Look after it from now on, or go on doing so; None while another program does.

        ``now`` is this computer's clock, whose jumps make nothing worse than a change of driver.
        """
        with self._database.unit_of_work() as uow:
            # A change of nothing: it takes the write lock before the row is read.
            found = uow.remote_attempts.change(run_id, number)
            held = found.driver not in ("", driver) and abs(now - found.driver_seen) < LEASE_SECONDS
            if held or found.is_over:
                return None
            claimed = uow.remote_attempts.change(run_id, number, driver=driver, driver_seen=now)
            uow.commit()
        return claimed

    def renew(self, run_id: str, number: int, driver: str, now: float) -> bool:
        """Say that its driver is alive; False where it is another one's by now."""
        try:
            self.change(run_id, number, driver=driver, driver_seen=now)
        except (LeaseLostError, AppError):
            return False
        return True

    def release(self, run_id: str, number: int, driver: str) -> None:
        """Leave it to whoever comes next."""
        with self._database.unit_of_work() as uow:
            if uow.remote_attempts.change(run_id, number).driver == driver:
                uow.remote_attempts.change(run_id, number, driver="")
                uow.commit()

    def ask_stop(self, run_id: str) -> RemoteAttempt | None:
        """The user wants a checkpoint, what there is, and then the pod's end; the attempt now."""
        return self._ask(run_id, stop_asked=True)

    def ask_end(
        self, run_id: str, kind: str = "", message: str = "", hint: str = ""
    ) -> RemoteAttempt | None:
        """The pod is to end at once, with nothing fetched; say why unless the user asked for it."""
        told = {"trouble_kind": kind, "trouble": message, "trouble_hint": hint} if kind else {}
        return self._ask(run_id, stop_asked=True, teardown=Teardown.REQUESTED, **told)

    def _ask(self, run_id: str, **changes: Any) -> RemoteAttempt | None:
        with self._database.unit_of_work() as uow:
            found = uow.remote_attempts.of_run(run_id)
            if not found or found[-1].is_over:
                return found[-1] if found else None
            if found[-1].teardown is Teardown.CONFIRMED:
                changes.pop("teardown", None)
            changed = uow.remote_attempts.change(run_id, found[-1].number, **changes)
            uow.commit()
        return changed


def following(attempt: RemoteAttempt, name: str, now: float, phase: RemotePhase) -> RemoteAttempt:
    """The attempt after one whose pod did not come up: it tries what was not tried yet."""
    return replace(
        attempt, phase=phase, number=attempt.number + 1, name=name, created_at=now, pod_id="",
        gpu="", cloud="", per_hour=0.0, rented_at=None, ends_at=None, outcome="", exit_code=None,
        teardown=Teardown.NONE, teardown_tries=0, gone_at=None, quoted_cost=None, most_cost=None,
        cost=None, trouble_kind="", trouble="", trouble_hint="", doing="", driver="",
    )  # fmt: skip
