"""The life of a run on a rented pod, as it is written down before each step is taken.

What is stored is enough for any program, at any later time, to go on from there or to end the pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RemotePhase(StrEnum):
    """The steps in their order; a step that was interrupted is taken again, to the same effect."""

    PREFLIGHT = "preflight"
    """Key, balance, catalogue and dataset are looked at; nothing is rented yet."""
    VOLUME = "volume"
    """The network volume and the template are found or made."""
    PLACING = "placing"
    """The dataset goes to the volume through S3, before anything costs by the hour."""
    RENTING = "renting"
    """GPU after GPU, cloud and place are asked for until one is given."""
    BOOTING = "booting"
    """The image is pulled, the container starts, the agent answers."""
    DELIVERING = "delivering"
    """Job, dataset and code go to the agent, and are checked there."""
    STARTING = "starting"
    """Secrets are handed over in memory, and the trainer is started."""
    TRAINING = "training"
    """Log and events are read as they come."""
    FETCHING = "fetching"
    """What was made is brought home and checked against its hashes."""
    ENDING = "ending"
    """The pod is ended, again and again, until it is gone."""
    SETTLING = "settling"
    """What it cost is asked for and put beside what was quoted."""
    OVER = "over"


class Teardown(StrEnum):
    """How far the ending of a pod is; only what is confirmed is over."""

    NONE = "none"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class RemoteAttempt:
    """One pod, or the try to get one, of one run. Times are seconds since the epoch, money dollars.

    ``name`` is the pod's, unique for run and number; it is stored before the pod is asked for, so
    that one which was made without an answer is found. ``ends_at`` is the limit of time and money
    that the pod keeps by itself. ``outcome`` is how the training ended there: ``finished``,
    ``failed``, ``cancelled``, ``lost``; ``again`` where the pod did not come up and the next number
    tries another; empty while it may still go on. ``exit_code`` is the trainer's. ``trouble_*`` say
    why the attempt cannot go on, or what it waits for just now; ``doing`` is what it does, a line.
    ``tried`` are the GPUs that were asked for in vain, each with its reason.
    ``driver`` is the program that looks after it, ``driver_seen`` when it last did.
    """

    run_id: str
    number: int
    name: str
    phase: RemotePhase = RemotePhase.PREFLIGHT
    pod_id: str = ""
    gpu: str = ""
    gpu_count: int = 1
    cloud: str = ""
    data_center: str = ""
    volume_id: str = ""
    image: str = ""
    per_hour: float = 0.0
    created_at: float = 0.0
    rented_at: float | None = None
    ends_at: float | None = None
    events_offset: int = 0
    log_offset: int = 0
    outcome: str = ""
    exit_code: int | None = None
    stop_asked: bool = False
    keep: bool = False
    """The user wants the pod to stay when the training is done; the limit holds all the same."""
    teardown: Teardown = Teardown.NONE
    teardown_tries: int = 0
    gone_at: float | None = None
    quoted_cost: float | None = None
    most_cost: float | None = None
    cost: float | None = None
    """What was billed, or where that cannot be asked what time and price amount to."""
    trouble_kind: str = ""
    trouble: str = ""
    trouble_hint: str = ""
    doing: str = ""
    tried: tuple[str, ...] = ()
    driver: str = ""
    driver_seen: float = 0.0

    @property
    def may_cost(self) -> bool:
        """Whether a pod of this attempt may be there: asked for, and not known to be gone."""
        asked = self.phase not in _BEFORE_A_POD
        return asked and self.teardown is not Teardown.CONFIRMED

    @property
    def is_asked_for(self) -> bool:
        """Whether there may be a pod whose id is not known here."""
        is_sent = self.phase is RemotePhase.RENTING and self.rented_at is not None
        return is_sent and not self.pod_id

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.phase is RemotePhase.OVER

    @property
    def is_told(self) -> bool:
        """Whether it is known how the training ended, and all that can be here is here."""
        known = bool(self.outcome) and self.outcome != AGAIN
        return self.is_over or (known and self.phase in _AFTER_FETCHING)

    @property
    def is_kept(self) -> bool:
        """Whether its training is done and the pod stays, since the user wants it."""
        done = self.phase is RemotePhase.ENDING and self.outcome == FINISHED
        return done and self.keep and not self.stop_asked and self.teardown is Teardown.NONE

    def spent(self, now: float) -> float:
        """Dollars so far by time and price, counted from the renting; the bill's where known."""
        if self.cost is not None:
            return self.cost
        if self.rented_at is None:
            return 0.0
        return max(0.0, (self.gone_at or now) - self.rented_at) / 3600 * self.per_hour


FINISHED, FAILED, CANCELLED = "finished", "failed", "cancelled"
LOST, AGAIN = "lost", "again"
"""Values of ``outcome``."""
_AFTER_FETCHING = frozenset({RemotePhase.ENDING, RemotePhase.SETTLING, RemotePhase.OVER})
_BEFORE_A_POD = frozenset({RemotePhase.PREFLIGHT, RemotePhase.VOLUME, RemotePhase.PLACING})
