"""The pods of this installation as they are shown and ended: what is there, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.pod_quote import dollars, hours
from models.domain.remote_run import RemotePhase, Teardown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.pod import Pod
    from models.domain.remote_run import RemoteAttempt

RUN_VARIABLE, ATTEMPT_VARIABLE = "TEMPER_RUN_ID", "TEMPER_ATTEMPT"
"""Variables of a pod that say which run's it is."""
AWAITS_AGENT, AWAITS_WORK = "agent", "work"
"""What a pod needs this program for: until its agent answers it cannot even end itself."""
_AWAITS = {
    RemotePhase.RENTING: AWAITS_AGENT,
    RemotePhase.BOOTING: AWAITS_AGENT,
    RemotePhase.DELIVERING: AWAITS_WORK,
    RemotePhase.STARTING: AWAITS_WORK,
}
_DOING = {
    RemotePhase.RENTING: "being rented",
    RemotePhase.BOOTING: "starting",
    RemotePhase.DELIVERING: "receiving the data",
    RemotePhase.STARTING: "starting the training",
    RemotePhase.TRAINING: "training",
    RemotePhase.FETCHING: "bringing the results home",
    RemotePhase.ENDING: "ending",
}
KEPT = "kept"
"""State of a pod whose training is done, and that the user wants to stay."""


@dataclass(frozen=True, slots=True)
class PodRow:
    """A pod that costs money, or may. Dollars, and seconds since the epoch.

    ``id`` is the pod's, of one that is only being asked for its name.

    ``is_seen`` is False for one that Runpod does not list (any more) but that is not proven gone.
    ``is_needed`` says whether a run still wants it; ``run_id`` is empty where no run knows it.
    ``ends_at`` is when it ends by itself, None where that is not known here; ``awaits`` says what
    it still needs this program for, empty once it trains. ``has_volume`` is False where what it
    made is on the pod alone.
    """

    id: str
    name: str
    state: str
    gpu: str = ""
    gpu_count: int = 0
    cloud: str = ""
    data_center: str = ""
    per_hour: float = 0.0
    cost: float = 0.0
    most_cost: float | None = None
    created_at: float | None = None
    ends_at: float | None = None
    run_id: str = ""
    number: int = 0
    ssh_command: str = ""
    """Reaches its container; empty where there is no way in: no public address, or no SSH."""
    is_seen: bool = True
    is_needed: bool = True
    awaits: str = ""
    has_volume: bool = True

    def age(self, now: float) -> float | None:
        """Seconds since it was rented; None where that is not known."""
        return None if self.created_at is None else max(0.0, now - self.created_at)

    def words(self, now: float) -> str:
        """``temper-1a2b3c4d-9f8e7d6c-1 (RTX A5000, 2 h 10 min, $0.58)``."""
        age = self.age(now)
        known = [self.gpu.removeprefix("NVIDIA "), "" if age is None else hours(age)]
        return f"{self.name} ({', '.join([*filter(None, known), dollars(self.cost)])})"


@dataclass(frozen=True, slots=True)
class PodEnd:
    """What came of ending a pod: ``gone`` only where that is proven, else ``trouble`` says why."""

    pod: PodRow
    gone: bool
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a look for pods that nobody needs has done; ``left`` are of this installation, but of no
    run that is known here."""

    ended: tuple[PodEnd, ...] = ()
    left: tuple[PodRow, ...] = ()

    def words(self, now: float) -> tuple[str, ...]:
        """A line a pod."""
        lines = []
        for end in self.ended:
            said = "is gone" if end.gone else f"is not gone yet: {end.trouble}"
            lines.append(f"The pod {end.pod.words(now)} had no run that needs it, and {said}")
        lines += [
            f"The pod {row.words(now)} is of no run that is known here. If no other computer with"
            f" a copy of this program's data uses it, end it: temper pods stop {row.id}."
            for row in self.left
        ]
        return tuple(line if line.endswith(".") else f"{line}." for line in lines)


def attempt_of(pod: Pod, attempts: Iterable[RemoteAttempt]) -> RemoteAttempt | None:
    """The record by which a pod was rented: by its id, else by its name, the newest."""
    known = list(attempts)
    by_id = [one for one in known if one.pod_id == pod.id]
    named = [one for one in known if one.name == pod.name]
    return next(reversed(by_id or named), None)


def is_needed(pod: Pod, attempt: RemoteAttempt | None) -> bool:
    """Whether whoever looks after the attempt still has to do with this pod.

    Of two pods by one name, made by a call without an answer, the one that was taken is needed.
    """
    return attempt is not None and not attempt.is_over and attempt.pod_id in ("", pod.id)


def row_of_pod(pod: Pod, attempt: RemoteAttempt | None, now: float) -> PodRow:
    """A pod that Runpod lists."""
    created = pod.created.timestamp() if pod.created else None
    needed = is_needed(pod, attempt)
    number = pod.env.get(ATTEMPT_VARIABLE, "")
    row = PodRow(
        id=pod.id, name=pod.name, state=pod.status.value.lower(), gpu=pod.gpu,
        gpu_count=pod.gpu_count, cloud=pod.cloud, data_center=pod.data_center, per_hour=pod.cost,
        cost=_spent(created, now, pod.cost), created_at=created,
        run_id=attempt.run_id if attempt else pod.env.get(RUN_VARIABLE, ""),
        number=attempt.number if attempt else int(number) if number.isdecimal() else 0,
        ssh_command=pod.ssh_command if pod.uptime is not None else "", is_needed=needed,
    )  # fmt: skip
    return _with_record(row, attempt, now) if attempt is not None and needed else row


def row_of_attempt(attempt: RemoteAttempt, now: float) -> PodRow:
    """A pod that Runpod does not list, of a record that is not proven to be over."""
    row = PodRow(
        id=attempt.pod_id or attempt.name, name=attempt.name, state="", gpu=attempt.gpu,
        gpu_count=attempt.gpu_count, cloud=attempt.cloud, data_center=attempt.data_center,
        per_hour=attempt.per_hour, created_at=attempt.rented_at, run_id=attempt.run_id,
        number=attempt.number, is_seen=False,
    )  # fmt: skip
    return _with_record(row, attempt, now)


def _with_record(row: PodRow, attempt: RemoteAttempt, now: float) -> PodRow:
    return replace(
        row,
        state=_state(attempt),
        cost=attempt.spent(now) or row.cost,
        most_cost=attempt.most_cost,
        ends_at=attempt.ends_at,
        has_volume=bool(attempt.volume_id),
        awaits="" if attempt.teardown is Teardown.REQUESTED else _AWAITS.get(attempt.phase, ""),
    )


def _state(attempt: RemoteAttempt) -> str:
    if attempt.teardown is Teardown.REQUESTED:
        return "ending, not confirmed yet"
    if attempt.is_kept:
        return KEPT
    return _DOING.get(attempt.phase, str(attempt.phase))


def _spent(created: float | None, now: float, per_hour: float) -> float:
    return 0.0 if created is None else max(0.0, now - created) / 3600 * per_hour
