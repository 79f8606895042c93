"""The pods of this installation: listed, ended on the user's click, and those that nobody needs
ended without one. Somebody else's pod is never touched."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod_rows import (
    PodEnd,
    Swept,
    attempt_of,
    is_needed,
    row_of_attempt,
    row_of_pod,
)
from models.domain.remote_money import GRACE, found_gone, is_past_limit
from models.domain.remote_run import Teardown
from services.remote.clock import SystemClock
from services.remote.marks import is_ours
from services.remote.presence import OTHER_ACCOUNT, still_answers
from services.runpod.addresses import addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.pod import Pod
    from models.domain.pod_rows import PodRow
    from models.domain.remote_run import RemoteAttempt
    from services.remote.clock import Clock
    from services.remote.store import AttemptStore
    from services.runpod.account import RunpodAccount
    from services.runpod.client import RunpodClient

logger = logging.getLogger(__name__)

TRIES, PAUSE = 3, 2.0
"""How often a pod is ended before somebody who waits is told, and seconds between; Runpod itself
is asked up to five times each time."""
_JUMP_SECONDS = 600.0
"""After so long without a look, or with so much time left by Runpod's clock, ours may have been
set; a smaller error ends a pod by no more than that too early."""
_ASKED_SECONDS = 180.0
"""For Runpod's answer, for the minute in which a pod without one may come to be listed, and for its
end."""


class PodService:
    """Blocking, thread-safe. ``install_id`` is the name by which this installation's are known.

    ``wake`` lets whoever looks after a run know that its record has changed.
    """

    def __init__(
        self,
        account: RunpodAccount,
        attempts: AttemptStore,
        install_id: Callable[[], str],
        *,
        clock: Clock | None = None,
        wake: Callable[[str], None] = lambda _run_id: None,
    ) -> None:
        self._account = account
        self._attempts = attempts
        self._install_id = install_id
        self._clock = clock or SystemClock()
        self._wake = wake
        self._gone: set[str] = set()
        self._looked: float | None = None

    def rows(self) -> tuple[PodRow, ...]:
        """All pods of ours that are there, and those that are not proven gone; the oldest first.

        AppError where Runpod cannot be asked: then :meth:`known` says what is known here.
        """
        with self._account.client("the pods cannot be listed") as client:
            pods = self._ours(client)
        attempts, now = self._attempts.all(), self._clock.now()
        seen = {pod.id for pod in pods}
        rows = [row_of_pod(pod, attempt_of(pod, attempts), now) for pod in pods]
        rows += [
            row_of_attempt(one, now)
            for one in attempts
            if one.may_cost and not one.is_over and one.pod_id and one.pod_id not in seen
        ]
        return tuple(sorted(rows, key=lambda row: (row.created_at or 0.0, row.name)))

    def known(self) -> tuple[PodRow, ...]:
        """The pods of ours that may cost, from the record alone; nobody is asked."""
        now = self._clock.now()
        return tuple(
            row_of_attempt(one, now)
            for one in self._attempts.open()
            if one.may_cost and (one.pod_id or one.is_asked_for)
        )

    def page(self, pod_id: str) -> str:
        """The pod in Runpod's console, for a browser."""
        return addresses().pod_page(pod_id)

    def end(self, pod_id: str) -> PodEnd:
        """End a pod of ours on the user's click, in Offline mode too, and look whether it is gone.

        One that is not gone yet stays requested: it is ended again by whoever looks after the run.
        AppError("not_found") where there is none, AppError("not_ours") for somebody else's.
        """
        attempts = self._attempts.all()
        attempt = next((one for one in attempts if one.pod_id == pod_id), None)
        asked = next((one for one in attempts if one.name == pod_id and one.is_asked_for), None)
        if attempt is None and asked is not None:
            return self._end_asked(asked)
        with self._account.client_for_ending(self._sleep) as client:
            if attempt is not None:
                row = row_of_attempt(attempt, self._clock.now())
            else:
                row = self._unknown(client, pod_id)
            return self._end(client, row, attempt, TRIES)

    def sweep(self, *, unknown: bool = True) -> Swept:
        """End the pods of ours that no run needs. AppError where Runpod cannot be asked.

        The pods are listed before the record is read: each was written down before it was rented,
        so one that is listed and not in the record belongs to no run that goes on here. It may be
        another computer's, with a copy of this program's data: without ``unknown`` it is left.
        """
        with self._account.client("pods are not looked for", self._sleep) as client:
            pods = self._ours(client)
            attempts, now = self._attempts.all(), self._clock.now()
            ended: list[PodEnd] = []
            left: list[PodRow] = []
            for pod in pods:
                attempt = attempt_of(pod, attempts)
                if is_needed(pod, attempt) or client.pod(pod.id) is None:
                    continue
                row = row_of_pod(pod, attempt, now)
                if attempt is None and not unknown:
                    left.append(row)
                    continue
                end = self._end(client, row, None, 1)
                logger.warning("no run needs %s: %s", pod.name, "gone" if end.gone else end.trouble)
                ended.append(end)
        return Swept(tuple(ended), tuple(left))

    def enforce(self) -> tuple[str, ...]:
        """End the pods that are past their limit of time or money and are still there: their ids.

        They end themselves; this is for one that does not. The record is left to whoever looks
        after the run: what the volume holds of a pod that is gone can still be brought home.
        Quick where there is none. AppError where Runpod cannot be asked.
        """
        now = self._clock.now()
        is_steady = self._looked is not None and 0 <= now - self._looked < _JUMP_SECONDS
        self._looked = now
        late = [one for one in self._limited() if is_past_limit(one, now, GRACE)]
        if not late:
            return ()
        with self._account.client("the pod is not ended from here", self._sleep) as client:
            ended, refused = [], None
            for one in late:
                try:
                    if is_steady or not self._is_dated_anew(client, one):
                        ended += [one.pod_id] if self._end_late(client, one) else []
                except AppError as error:  # the others cost, too
                    refused = error
        for one in late:  # not before: whoever is told may wait for something
            if one.pod_id in ended:
                self._wake(one.run_id)
        if refused is not None:
            raise refused
        return tuple(ended)

    def until_late(self, most: float) -> float:
        """Seconds until the next pod is one for :meth:`enforce`, at most so many."""
        now = self._clock.now()
        ends = [one.ends_at + GRACE - now for one in self._limited() if one.ends_at is not None]
        return min([most, *(seconds for seconds in ends if seconds > 0)])

    def _limited(self) -> list[RemoteAttempt]:
        """Whose pods are there, as far as is known."""
        return [one for one in self._attempts.open() if one.pod_id and one.pod_id not in self._gone]

    def _is_dated_anew(self, client: RunpodClient, attempt: RemoteAttempt) -> bool:
        """Whether not the pod is late, but this computer's clock was set since it was rented. Only
        asked where much time has passed since the last look: else it would make an end later."""
        try:
            age = client.age(attempt.pod_id)
        except AppError:
            return False
        if age is None or attempt.rented_at is None or attempt.ends_at is None:
            return False
        left = attempt.ends_at - attempt.rented_at - age
        if left < _JUMP_SECONDS:
            return False
        now = self._clock.now()
        logger.warning(
            "this computer's clock was set: %s has %.0f seconds left", attempt.name, left
        )
        self._attempts.change(
            attempt.run_id, attempt.number, rented_at=now - age, ends_at=now + left
        )
        return True

    def _end_late(self, client: RunpodClient, attempt: RemoteAttempt) -> bool:
        """Whether it was still there. It is ended unseen: each call takes time that is paid, and
        one that cannot be looked at costs, too."""
        if client.end_pod(attempt.pod_id):
            self._attempts.ended[attempt.pod_id] = self._clock.now()
            logger.warning("%s was past its limit and is ended", attempt.name)
            return True
        if client.pod(attempt.pod_id) is None:
            self._gone.add(attempt.pod_id)
        return False

    def _end_asked(self, attempt: RemoteAttempt) -> PodEnd:
        """Of a pod that is only being asked for: whoever drives its run ends it when it is given,
        and looks whether it came to be."""
        self._request(attempt)
        self._wake(attempt.run_id)
        row = row_of_attempt(self._attempts.get(attempt.run_id, attempt.number), self._clock.now())
        until = self._clock.now() + _ASKED_SECONDS
        while self._clock.now() < until:
            self._sleep(PAUSE)
            now = self._attempts.get(attempt.run_id, attempt.number)
            if now.is_over or now.teardown is Teardown.CONFIRMED:
                return PodEnd(row, gone=True)
        return PodEnd(row, gone=False, trouble="Whether Runpod has given one is not known yet.")

    def _unknown(self, client: RunpodClient, pod_id: str) -> PodRow:
        """A pod that no record knows: ours by its mark, or not to be touched."""
        pod = client.pod(pod_id)
        if pod is None:
            raise AppError("not_found", f"There is no pod {pod_id}.", "See temper pods list.")
        if not is_ours(pod.env, self._install_id()):
            raise AppError(
                "not_ours",
                f"The pod {pod.name} was not rented by this installation of Temper.",
                "End it on Runpod's web site if it is yours.",
            )
        return row_of_pod(pod, attempt_of(pod, self._attempts.all()), self._clock.now())

    def _end(
        self, client: RunpodClient, row: PodRow, attempt: RemoteAttempt | None, tries: int
    ) -> PodEnd:
        """Ask for the end, in the record first, and look whether it came."""
        if attempt is not None:
            self._request(attempt)
        trouble = ""
        for turn in range(tries):
            if turn:
                self._sleep(PAUSE)
            was_there, gone, trouble = _ended(client, row.id)
            if was_there:
                self._attempts.ended[row.id] = self._clock.now()
            if gone and not self._account.is_offline and still_answers(row.id):
                gone, trouble = False, OTHER_ACCOUNT
            if gone:
                self._confirm(attempt)
                return PodEnd(row, gone=True)
        self._wake(row.run_id)
        return PodEnd(row, gone=False, trouble=trouble)

    def _request(self, attempt: RemoteAttempt) -> None:
        if attempt.is_over or attempt.teardown is not Teardown.NONE:
            return
        latest = self._attempts.latest(attempt.run_id)
        if latest is not None and latest.number == attempt.number:
            self._attempts.ask_end(attempt.run_id)
        else:  # the run is on another pod by now, and goes on there
            changes = {"teardown": Teardown.REQUESTED}
            self._attempts.change(attempt.run_id, attempt.number, **changes)

    def _confirm(self, attempt: RemoteAttempt | None) -> None:
        if attempt is not None and attempt.teardown is not Teardown.CONFIRMED:
            ended = self._attempts.ended.get(attempt.pod_id)
            self._attempts.change(
                attempt.run_id,
                attempt.number,
                teardown=Teardown.CONFIRMED,
                gone_at=found_gone(attempt, self._clock.now(), ended),
            )
            self._wake(attempt.run_id)

    def _ours(self, client: RunpodClient) -> list[Pod]:
        name = self._install_id()
        return [pod for pod in client.pods() if is_ours(pod.env, name)]

    def _sleep(self, seconds: float) -> None:
        self._clock.wait(threading.Event(), seconds)


def _ended(client: RunpodClient, pod_id: str) -> tuple[bool, bool, str]:
    """Whether a pod was there until this call ended it, whether it is gone, and why it is not.

    A refused call proves nothing: the pod may be gone by itself, or by an earlier one.
    """
    was_there, trouble = False, "Runpod still lists it."
    try:
        was_there = client.end_pod(pod_id)
    except AppError as error:
        trouble = error.message
    try:
        return was_there, client.is_gone(pod_id), trouble
    except AppError as error:
        return was_there, False, error.message
