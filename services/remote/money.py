"""What pods cost in the end: settled when they are gone, and again when the bill is there."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_money import run_cost, settled_cost
from models.domain.remote_run import RemotePhase
from services.remote.clock import SystemClock

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt
    from services.remote.clock import Clock
    from services.remote.store import AttemptStore
    from services.remote.work import Work
    from services.run_records import RunRecords
    from services.runpod.account import RunpodAccount
    from services.runpod.client import RunpodClient

logger = logging.getLogger(__name__)

ASK_FROM, ASK_UNTIL = 3600.0, 3 * 86400.0
"""Seconds after a pod's end between which its bill is asked for again: it comes hours late."""
ASK_AGAIN = 6 * 3600.0
"""Seconds between two questions about the same pod."""
_SAME = 0.005
"""Dollars that are no difference."""
_STORING = threading.Lock()


def settle(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """The step of a pod that is gone: store what it cost, which is then the run's cost.

    Never in the way of the run's end: without a bill time and price say it.
    """
    billed = None
    if attempt.pod_id:
        try:
            with work.client("the bill cannot be asked for") as client:
                billed = _bill(client, attempt, work.now())
        except AppError as error:
            logger.info("no bill of %s: %s", attempt.name, error)
    cost = settled_cost(attempt, billed, work.now())
    work.save(cost=cost, doing="")
    try:
        store_run_cost(work.tools.store, work.tools.records, work.run_id, work.now())
    except AppError as error:
        if error.kind != "not_found":  # the run was deleted meanwhile; its pod's cost is kept
            raise
    return work.save(phase=RemotePhase.OVER)


def store_run_cost(attempts: AttemptStore, records: RunRecords, run_id: str, now: float) -> None:
    """Write down what a run's pods cost so far, where its history shows it."""
    with _STORING:  # what was read before a bill came must not be written after it
        records.change(run_id, cost_usd=run_cost(attempts.of_run(run_id), now))


class Bills:
    """Puts the bill in place of what was computed, once Runpod has written it. Thread-safe enough
    for one caller."""

    def __init__(
        self,
        account: RunpodAccount,
        attempts: AttemptStore,
        records: RunRecords,
        clock: Clock | None = None,
    ) -> None:
        self._account = account
        self._attempts = attempts
        self._records = records
        self._clock = clock or SystemClock()
        self._asked: dict[str, float] = {}

    def review(self) -> tuple[str, ...]:
        """The runs whose cost was put right. AppError where Runpod may not be asked."""
        due = [one for one in self._attempts.all() if self._is_due(one)]
        if not due:
            return ()
        with self._account.client("the bills cannot be asked for") as client:
            return tuple(one.run_id for one in due if self._is_put_right(client, one))

    def _is_due(self, attempt: RemoteAttempt) -> bool:
        if not (attempt.is_over and attempt.pod_id and attempt.gone_at is not None):
            return False
        now = self._clock.now()
        asked = self._asked.get(attempt.pod_id)
        is_time = ASK_FROM <= now - attempt.gone_at < ASK_UNTIL
        return is_time and (asked is None or abs(now - asked) >= ASK_AGAIN)

    def _is_put_right(self, client: RunpodClient, attempt: RemoteAttempt) -> bool:
        """A bill that cannot be had now, or a run that was deleted, is in no other's way."""
        self._asked[attempt.pod_id] = self._clock.now()
        try:
            return self._put_right(client, attempt)
        except AppError as error:
            logger.info("the bill of %s is not known: %s", attempt.name, error)
            return False

    def _put_right(self, client: RunpodClient, attempt: RemoteAttempt) -> bool:
        now = self._clock.now()
        cost = settled_cost(attempt, _bill(client, attempt, now), now)
        if attempt.cost is not None and abs(cost - attempt.cost) < _SAME:
            return False
        self._attempts.change(attempt.run_id, attempt.number, cost=cost)
        store_run_cost(self._attempts, self._records, attempt.run_id, now)
        return True


def _bill(client: RunpodClient, attempt: RemoteAttempt, now: float) -> float | None:
    """Until now: a pod that was found gone may have gone later than is taken for its end."""
    begun = attempt.rented_at if attempt.rented_at is not None else attempt.created_at
    return client.billed(attempt.pod_id, begun, now)
