"""Whether an attempt's pod is there while its agent is silent, and what is said where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod import PodStatus
from models.domain.remote_money import clock_words
from models.domain.remote_plan import AGENT_PORT
from models.domain.remote_run import LOST, RemotePhase
from services.runpod.addresses import addresses
from services.runpod.agent_client import UNREACHABLE, AgentClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.domain.pod import Pod
    from models.domain.remote_run import RemoteAttempt
    from services.remote.work import Work
    from services.runpod.client import RunpodClient

    Step = Callable[[RemoteAttempt, Work], RemoteAttempt]

STOPPED = frozenset({PodStatus.EXITED, PodStatus.ERROR, PodStatus.TERMINATED})
"""A pod in these states does nothing any more."""
GIVEN_UP_SECONDS = 600.0
"""A pod that is there is given up after so long without an answer: it costs, and nobody hears it
(other tools of the field wait ten minutes, too)."""
NO_TROUBLE: Mapping[str, str] = {"trouble_kind": "", "trouble": "", "trouble_hint": ""}
"""What an attempt stores once nothing is in its way any more."""
LOOK_SECONDS = 10.0
"""Between looks at a pod whose agent is silent."""
GAP_SECONDS = 180.0
"""So far apart may two looks in a row be on a computer that is awake: ten seconds, and eight tries
to connect with what is waited between them (:mod:`services.runpod.agent_client`)."""
_NEAR_LIMIT = 60.0
"""Seconds before its limit from which a pod that is gone has ended itself: its clock and ours may
differ by some."""
_BOOT_GRACE, _RETRIEVE_GRACE = 1800.0, 3600.0
"""The agent's own (trainer_image/agent_settings.py): so long it waits for work, and for somebody to
fetch what is done."""


OTHER_ACCOUNT = (
    "The account of this key does not have the pod, yet the pod answers. Set the Runpod API key of "
    "the account that rented it; else it ends at its limit."
)


@dataclass(frozen=True, slots=True)
class Gone:
    """Why a pod is not there any more, or was given up, and what to do; for a person."""

    kind: str
    message: str
    hint: str

    def fields(self) -> dict[str, str]:
        """As an attempt stores it."""
        return {
            "trouble_kind": self.kind, "trouble": self.message, "trouble_hint": self.hint
        }  # fmt: skip


def why_gone(client: RunpodClient, pod: Pod | None, attempt: RemoteAttempt, now: float) -> Gone:
    """Of a pod of ours that is not there (None), or stands still."""
    try:
        left = client.balance().left
    except AppError:
        left = None
    if left is not None and left <= 0:
        return Gone(
            "pod_gone",
            "Runpod has stopped the pod: the account's balance is used up.",
            f"Add credit in Runpod's console, then resume{_from(attempt)}",
        )
    if attempt.ends_at is not None and now >= attempt.ends_at - _NEAR_LIMIT:
        return at_limit(attempt, now)
    what = "The pod was deleted" if pod is None else "The pod was stopped"
    who = f"in Runpod's console, {_by_itself(attempt, now) or 'or by Runpod'}"
    return Gone("pod_gone", f"{what} outside of this run: {who}.", f"Resume{_from(attempt)}")


def _by_itself(attempt: RemoteAttempt, now: float) -> str:
    """Whether a pod may have ended itself since no program was there to look after it."""
    age = now - attempt.rented_at if attempt.rented_at is not None else 0.0
    if attempt.phase in _NOT_TRAINED:
        why = "after half an hour in which nothing came for it to do"
        return f"by Runpod, or by itself {why}" if age >= _BOOT_GRACE else ""
    why = "an hour after the training had ended, since nobody fetched what it made"
    is_long = age >= _RETRIEVE_GRACE and attempt.volume_id  # without a volume it waits to its limit
    return f"by Runpod, or by itself {why}" if is_long else ""


def at_limit(attempt: RemoteAttempt, now: float) -> Gone:
    """Of a pod that has come to its limit of time or money."""
    when = f" ({clock_words(attempt.ends_at, now)})" if attempt.ends_at is not None else ""
    return Gone(
        "limit",
        f"The pod has ended at its limit of time or money{when}.",
        f"Raise the limit and resume{_from(attempt)}",
    )


def silent(attempt: RemoteAttempt) -> Gone:
    """Of a pod that is given up."""
    return Gone(
        "pod_silent",
        f"The pod has not answered for {GIVEN_UP_SECONDS / 60:.0f} minutes, so it was ended.",
        f"Resume{_from(attempt)}",
    )


def _from(attempt: RemoteAttempt) -> str:
    """What resuming goes on from, as the end of a sentence."""
    if attempt.phase in _NOT_TRAINED:
        return ": another pod is rented."
    if attempt.volume_id and attempt.phase is RemotePhase.FETCHING:
        return ": another pod brings what was made from the network volume."
    if attempt.volume_id:
        return ": it goes on from the last checkpoint on the network volume."
    return ". There was no network volume, so what had not come home is gone."


_NO_TOKEN = "-"  # noqa: S105 - whether an agent listens is told to everybody


def still_answers(pod_id: str) -> bool:
    """Whether the agent of a pod answers that its account does not have: then the key is of another
    account than the one that rented it, and the pod goes on costing there."""
    with AgentClient(addresses().in_pod(pod_id, AGENT_PORT), _NO_TOKEN) as agent:
        return agent.is_listening()


class Looked:
    """Time between looks, each of which found the same. A computer that slept knows nothing of the
    time between: of each gap only :data:`GAP_SECONDS` count, and of a longer one only from the
    next look on, so that no sleep alone decides anything."""

    def __init__(self, now: float) -> None:
        self.began = self._last = now
        self._seconds = 0.0

    def look(self, now: float) -> float:
        """Seconds with this look."""
        gap, before = max(now - self._last, 0.0), self._seconds
        self._last = now
        self._seconds += min(gap, GAP_SECONDS)
        return before if gap > GAP_SECONDS else self._seconds


class Silence:
    """How long the agent has not answered, as far as it was asked; said when it begins and when it
    ends."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked: Looked | None = None

    def seconds(self) -> float:
        """So far."""
        if self._looked is None:
            self._looked = Looked(self._work.now())
            trains = self._work.look().phase is RemotePhase.TRAINING
            self._work.save(
                trouble_kind=UNREACHABLE, trouble="The pod's agent cannot be reached just now.",
                trouble_hint=f"{'The training goes on by itself; ' if trains else ''}Temper keeps "
                "trying.",
            )  # fmt: skip
        return self._looked.look(self._work.now())

    def ends(self) -> None:
        """It has answered."""
        if self._looked is not None:
            self._looked = None
            self._work.save(**NO_TROUBLE)


def while_there(step: Step) -> Step:
    """The step, again and again while the agent is silent; the attempt is over where its pod is
    gone, or has not answered for too long."""

    def taken(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        silence = Silence(work)
        while True:
            try:
                done = step(attempt, work)
            except AppError as error:
                if error.kind != UNREACHABLE:
                    raise
            else:
                silence.ends()
                return done
            gone = _look(attempt, work, silence.seconds())
            if gone is not None:
                return work.save(phase=RemotePhase.ENDING, outcome=LOST, **gone.fields())
            work.pause(LOOK_SECONDS)
            attempt = work.check()
            with work.agent(attempt, tries=1) as agent:
                if agent.is_listening():
                    silence.ends()

    return taken


def _look(attempt: RemoteAttempt, work: Work, silence: float) -> Gone | None:
    """Why it is not worth waiting any more."""
    with work.client("the pod cannot be looked at") as client:
        pod = client.pod(attempt.pod_id)
        if pod is None or pod.status in STOPPED:
            return why_gone(client, pod, attempt, work.now())
    return silent(attempt) if silence >= GIVEN_UP_SECONDS else None


_NOT_TRAINED = frozenset({RemotePhase.BOOTING, RemotePhase.DELIVERING, RemotePhase.STARTING})
