"""Takes every remote run from step to step, each in a thread; whoever crashes, the next goes on."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod_quote import hours
from models.domain.remote_money import is_past_limit
from models.domain.remote_run import AGAIN, CANCELLED, FAILED, FINISHED, LOST, RemotePhase, Teardown
from services.progress import Cancelled
from services.remote.fetching import out_of_reach
from services.remote.money import store_run_cost
from services.remote.pods import PodService
from services.remote.presence import NO_TROUBLE, at_limit
from services.remote.steps import STEPS
from services.remote.store import LeaseLostError
from services.remote.work import ClosingError, EndAskedError, Work, wants_out
from services.runpod.agent_client import TOKEN_REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.domain.remote_run import RemoteAttempt
    from services.remote.steps import Step
    from services.remote.work import Tools

logger = logging.getLogger(__name__)

RENEW_SECONDS = 8.0
"""Between signs of life, and looks for runs whose program is gone: real seconds."""
LIMIT_SECONDS = 15.0
"""Between looks at the limits of pods at most, and at costs; costs two queries of our own
database."""
_CLOSE_SECONDS = 2.0
_ANSWER_SECONDS, _HEAR_SECONDS = 45.0, 0.1
"""So long Runpod may take to answer whether it gives a pod, and then some; between looks."""
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0
_WAIT_BEFORE_A_POD = 600.0
"""So long a way that is not there is waited for while nothing is rented; then the run fails."""
_PASSING = frozenset({
    "network", "timeout", "certificate", "proxy", "offline", "rate_limited", "server", "bad_answer",
    "agent_unreachable", "keychain", "keychain_locked", "keychain_timeout", "database_locked",
    "create_unclear", "conflict",
})  # fmt: skip
"""Troubles that pass by themselves, or that somebody may end."""
_OF_THE_ACCOUNT = frozenset({"auth", "not_set", "forbidden", "blocked", TOKEN_REFUSED})
"""While a pod is there these are waited for, too: it goes on meanwhile, and ends by its limit."""
_BEFORE_A_POD = frozenset({
    RemotePhase.PREFLIGHT, RemotePhase.VOLUME, RemotePhase.PLACING, RemotePhase.RENTING,
})  # fmt: skip
_KEEPS_TRYING = frozenset({RemotePhase.FETCHING, RemotePhase.ENDING, RemotePhase.SETTLING})
"""What is left undone here would lose an adapter, or money."""
_ON_A_POD = frozenset({
    RemotePhase.BOOTING, RemotePhase.DELIVERING, RemotePhase.STARTING, RemotePhase.TRAINING,
})  # fmt: skip
_LEFT_SECONDS = 3600.0
"""A run that nothing was rented for yet is gone on with until so long after it was left."""
_LATE = 600.0
"""So long after its limit a pod is taken for gone that no key may ask for."""


class RemoteDriver:
    """Thread-safe. Nothing is driven before :meth:`wake` or :meth:`resume_all`; after
    :meth:`close` the next program goes on. ``clock`` is this computer's, for the leases."""

    def __init__(
        self,
        tools: Tools,
        steps: Mapping[RemotePhase, Step] = STEPS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tools = tools
        self.id = uuid.uuid4().hex
        self._steps = steps
        self._clock = clock
        self._works: dict[tuple[str, int], Work] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._looks_after_all = False
        self._keepers: list[threading.Thread] = []
        self._pods = PodService(
            tools.account, tools.store, tools.install_id, clock=tools.clock, wake=self.wake
        )

    def wake(self, run_id: str) -> None:
        """Look at a run's record now: it is new, or somebody wants something of it."""
        self._keep_alive()  # first: limits are kept, whatever becomes of the rest
        for attempt in self.tools.store.of_run(run_id):
            if not attempt.is_over:
                self._begin(attempt)

    def resume_all(self) -> None:
        """Go on with every run that is not over, from now on also those of programs that end."""
        self._looks_after_all = True
        self._keep_alive()
        self._take_over()

    def close(self) -> None:
        """Stop driving. Pods go on by themselves; a step that waits for an answer is left to it."""
        self._closing.set()
        with self._lock:
            works, threads = list(self._works.values()), [*self._threads, *self._keepers]
        for work in works:
            work.closing.set()
            work.wake.set()
        until = time.monotonic() + _CLOSE_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._hear_answers()

    def _hear_answers(self) -> None:
        """A pod that is being asked for this very moment is written down when it is given: until
        the next program nobody else would know of it."""
        until = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < until:
            with self._lock:
                works = list(self._works.values())
            if not any(_is_asking(work) for work in works):
                return
            time.sleep(_HEAR_SECONDS)

    def _take_over(self) -> None:
        for attempt in self.tools.store.open():
            self._begin(attempt)

    def _begin(self, attempt: RemoteAttempt) -> None:
        key = (attempt.run_id, attempt.number)
        with self._lock:
            if self._closing.is_set():
                return
            if key in self._works:
                self._works[key].wake.set()
                return
            if self.tools.store.claim(*key, self.id, self._clock()) is None:
                return  # another program looks after it
            work = self._works[key] = Work(attempt, self.tools, self.id)
            left = self._left(attempt)
            thread = threading.Thread(
                target=self._drive, args=(work, left), name=f"remote-{key[0]}", daemon=True
            )
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _left(self, attempt: RemoteAttempt) -> AppError | None:
        """Why nothing is rented for it any more: nobody who opens the program on another day
        expects that of a run that was left before it cost anything."""
        seconds = self._clock() - attempt.driver_seen if attempt.driver_seen else 0.0
        is_free = attempt.phase in _BEFORE_A_POD and not attempt.pod_id
        if not is_free or attempt.is_asked_for or seconds < _LEFT_SECONDS:
            return None
        return AppError(
            "left",
            f"Temper was closed before a pod was rented, about {hours(seconds)} ago.",
            "Resume it when it is to train; prices and stock are asked for anew.",
        )

    def _keep_alive(self) -> None:
        with self._lock:
            if self._keepers or self._closing.is_set():
                return
            for name, work in (
                ("remote-keep", self._keep), ("remote-limits", self._keep_limits),
                ("remote-costs", self._keep_costs),
            ):  # fmt: skip
                self._keepers.append(threading.Thread(target=work, name=name, daemon=True))
                self._keepers[-1].start()

    def _keep(self) -> None:
        while not self._closing.wait(RENEW_SECONDS):
            with self._lock:
                held = list(self._works)
            try:
                for key in held:
                    self.tools.store.renew(*key, self.id, self._clock())
                if self._looks_after_all:
                    self._take_over()
            except AppError as error:
                logger.warning("remote runs cannot be looked after just now: %s", error.message)

    def _keep_limits(self) -> None:
        """End pods that should have ended themselves, whatever their steps wait for; the steps see
        them gone. A program without a window keeps to the limits by this alone. It looks again the
        moment that the next pod is past its limit, and waits for nothing else."""
        while not self._closing.is_set():
            seconds = LIMIT_SECONDS
            try:
                self._pods.enforce()
                seconds = self._pods.until_late(LIMIT_SECONDS)
            except AppError as error:
                logger.info("limits cannot be kept from here just now: %s", error.message)
            except Exception:  # the thread must live on: without it nothing keeps the limits
                logger.exception("limits cannot be kept from here")
            self.tools.clock.wait(self._closing, seconds)

    def _keep_costs(self) -> None:
        """In a thread of its own: a database that somebody else writes to must make no pod live
        longer."""
        while not self._closing.is_set():
            self._tell_costs()
            self.tools.clock.wait(self._closing, LIMIT_SECONDS)

    def _tell_costs(self) -> None:
        """What the runs that are driven here cost so far, where every list of runs shows it."""
        with self._lock:
            run_ids = {work.run_id for work in self._works.values()}
        for run_id in run_ids:
            try:
                store_run_cost(self.tools.store, self.tools.records, run_id, self.tools.clock.now())
            except AppError as error:  # a run that was deleted, or the database: it is only told
                logger.info("the cost of %s is not told: %s", run_id, error.message)
            except Exception:  # the others' costs are told all the same
                logger.exception("the cost of %s is not told", run_id)

    def _drive(self, work: Work, left: AppError | None) -> None:
        try:
            if left is not None:
                _fail(work, left)
            self._take_steps(work)
        except ClosingError:
            self.tools.store.release(work.run_id, work.number, self.id)
        except LeaseLostError:
            logger.info("run %s is looked after by another program", work.run_id)
        except AppError as error:  # the database: the record stays, and is taken up again
            logger.warning("run %s cannot be looked after: %s", work.run_id, error.message)
        finally:
            with self._lock:
                self._works.pop((work.run_id, work.number), None)

    def _take_steps(self, work: Work) -> None:
        patience = _Patience()
        attempt = work.look()
        while not attempt.is_over:
            try:
                self._take(work, patience)
            except EndAskedError:
                _leave(work)
            attempt = work.look()
            if attempt.outcome == AGAIN and attempt.phase is RemotePhase.SETTLING:
                self.wake(work.run_id)  # its successor

    def _take(self, work: Work, patience: _Patience) -> None:
        """One step, or the waiting after one that did not go well."""
        attempt = work.check()
        try:
            self._steps[attempt.phase](attempt, work)
        except (ClosingError, EndAskedError, LeaseLostError):
            raise
        except Cancelled:
            work.check()
        except AppError as error:
            attempt = work.look()
            if not patience.has_room(error, attempt, work.now()):
                _fail(work, error)
                return
            if _is_late(error, attempt, work.now()):
                gone = at_limit(attempt, work.now())
                work.save(phase=RemotePhase.ENDING, outcome=LOST, **gone.fields())
                return
            _tell(work, error, attempt)
            work.pause(patience.wait())
        except Exception as error:  # a bug of ours must not leave a pod that costs
            logger.exception("run %s: a fault of Temper in the step %s", work.run_id, attempt.phase)
            if attempt.phase in _KEEPS_TRYING:
                work.pause(_LONGEST_WAIT)
                return
            _fail(work, _fault(error))
        else:
            patience.went_well()
            _forget_trouble(work)


class _Patience:
    """How long a step that does not go well is tried again."""

    def __init__(self) -> None:
        self._failures = 0
        self._since: float | None = None

    def went_well(self) -> None:
        self._failures, self._since = 0, None

    def has_room(self, error: AppError, attempt: RemoteAttempt, now: float) -> bool:
        if attempt.phase in _KEEPS_TRYING:
            return True
        if attempt.phase is RemotePhase.PREFLIGHT:
            return False
        self._since = now if self._since is None else self._since
        if attempt.phase in _BEFORE_A_POD:
            return error.kind in _PASSING and now - self._since < _WAIT_BEFORE_A_POD
        here = (
            {"disk_full", "pod_disk_full", "io", "file"}
            if attempt.phase is RemotePhase.TRAINING
            else set()
        )
        return error.kind in _PASSING | _OF_THE_ACCOUNT | here

    def wait(self) -> float:
        self._failures += 1
        return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(10, self._failures - 1)))


def _leave(work: Work) -> None:
    """The pod is to end; why is known where it was not the user who asked."""
    attempt = work.look()
    if attempt.phase is RemotePhase.FETCHING and attempt.outcome == FINISHED:
        out_of_reach(attempt, work)  # it has finished, and what it made is not here
    elif wants_out(attempt):
        outcome = attempt.outcome or (FAILED if _is_limit(attempt) else CANCELLED)
        work.save(phase=RemotePhase.ENDING, outcome=outcome)


def _is_asking(work: Work) -> bool:
    """Whether a pod may be given any moment."""
    try:
        return work.look().is_asked_for
    except AppError:
        return False


def _is_limit(attempt: RemoteAttempt) -> bool:
    return bool(attempt.trouble) and attempt.trouble_kind not in _PASSING | _OF_THE_ACCOUNT


def _fail(work: Work, error: AppError) -> None:
    """The run ends here; its pod, where there may be one, is ended like any other."""
    if work.look().is_over:
        logger.warning("run %s: after its end: %s", work.run_id, error.message)
        return
    work.save(
        phase=RemotePhase.ENDING, outcome=FAILED, trouble_kind=error.kind, trouble=error.message,
        trouble_hint=error.hint,
    )  # fmt: skip


def _is_late(error: AppError, attempt: RemoteAttempt, now: float) -> bool:
    """Whether a pod whose limit is long past cannot be asked for, since the account is closed to
    us: nobody would ever know more, and the run would go on for ever."""
    on_a_pod = attempt.phase in _ON_A_POD and error.kind in _OF_THE_ACCOUNT
    return on_a_pod and is_past_limit(attempt, now, _LATE)


def _tell(work: Work, error: AppError, attempt: RemoteAttempt) -> None:
    """What is waited for; it does not take the place of why a run has ended."""
    if attempt.outcome not in _WITHOUT_A_REASON:
        work.save(doing=error.message)
    else:
        work.save(trouble_kind=error.kind, trouble=error.message, trouble_hint=error.hint)


def _forget_trouble(work: Work) -> None:
    """What passed is past; why a run ended, or is to end, stays."""
    now = work.look()
    is_reason = now.outcome not in _WITHOUT_A_REASON or now.teardown is Teardown.REQUESTED
    if now.trouble and (now.outcome == FINISHED or not is_reason):
        work.save(**NO_TROUBLE)


_WITHOUT_A_REASON = ("", FINISHED, AGAIN)
"""Outcomes of which no trouble tells why."""


def _fault(error: Exception) -> AppError:
    return AppError(
        "internal", f"A fault of Temper ended the remote run ({type(error).__name__}).",
        "Resume it; if it happens again, please report it with the log.",
    )  # fmt: skip
