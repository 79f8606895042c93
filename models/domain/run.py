"""A run: one training job from draft to its end, as the program remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig


HEARTBEAT = "heartbeat"
"""The type of an event that only says that a trainer works; it is shown and not stored."""


class RunState(StrEnum):
    """Where a run stands. ``lost`` means its process vanished without telling how it ended."""

    DRAFT = "draft"
    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_live(self) -> bool:
        """Whether something outside may be working for this run."""
        return self in _LIVE

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, well or not."""
        return self in _OVER


_LIVE = frozenset({RunState.PREPARING, RunState.RUNNING, RunState.STOPPING})
_OVER = frozenset({RunState.FINISHED, RunState.FAILED, RunState.CANCELLED, RunState.LOST})
_ALLOWED: dict[RunState, frozenset[RunState]] = {
    RunState.DRAFT: frozenset({RunState.QUEUED}),
    RunState.QUEUED: frozenset({RunState.PREPARING, RunState.CANCELLED, RunState.FAILED}),
    # Back into the queue goes what was taken from it and never started.
    RunState.PREPARING: _OVER | {RunState.RUNNING, RunState.STOPPING, RunState.QUEUED},
    RunState.RUNNING: _OVER | {RunState.STOPPING},
    RunState.STOPPING: _OVER,
    # Ended runs may be resumed in the same folder, and a lost one may turn out to have finished.
    RunState.FINISHED: frozenset(),
    # The queue takes back what failed only because this computer was not ready.
    RunState.FAILED: frozenset({RunState.PREPARING, RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.PREPARING}),
    RunState.LOST: _OVER | {RunState.PREPARING, RunState.RUNNING},
}


class IllegalTransitionError(RuntimeError):
    """A bug of ours: a run was asked to go where its state does not lead."""


def check_transition(old: RunState, new: RunState) -> None:
    """Raise IllegalTransitionError unless a run may go from ``old`` to ``new``."""
    if old is not new and new not in _ALLOWED[old]:
        raise IllegalTransitionError(f"a run cannot go from {old} to {new}")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not finish: a kind of the contract, one sentence, the next step."""

    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ProcessHandle:
    """A process of this computer; the start time tells it from a later one of the same number."""

    pid: int
    created: float


@dataclass(frozen=True, slots=True)
class ContainerHandle:
    """A container of a Docker engine; ``endpoint`` says of which (``unix:///run/docker.sock``)."""

    id: str
    name: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class PodHandle:
    """What a run is rented: its tries to get a pod, from this number on (RemoteAttempt)."""

    run_id: str
    number: int


JobHandle = ProcessHandle | ContainerHandle | PodHandle
"""What a run's trainer is found again by, whichever way it runs."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run as stored. Paths are of this computer; times are seconds since the epoch (UTC).

    ``next_seq`` is the first event not yet stored; ``log_offset`` the first unread log byte.
    ``dataset_name`` is what the dataset was called then. ``train_loss`` is the newest,
    ``best_eval_loss`` the lowest on held-out rows. A run with ``queued_at`` waits in the queue for
    its turn, or was just taken from it. ``image`` is the container's, where there is one.
    ``hub_url`` is the page of the repository it was uploaded to.
    """

    id: str
    name: str
    config: TrainingConfig
    state: RunState
    runtime: str
    data_root: str
    created_at: float
    output_directory: str
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    failure: Failure | None = None
    handle: JobHandle | None = None
    trainer_sha256: str = ""
    dataset_sha256: str = ""
    dataset_name: str = ""
    step: int = 0
    total_steps: int = 0
    phase: str = ""
    eval_loss_before: float | None = None
    eval_loss_after: float | None = None
    adapter_path: str = ""
    hub_url: str = ""
    base_model: str = ""
    parent_run_id: str = ""
    next_seq: int = 0
    log_offset: int = 0
    train_loss: float | None = None
    best_eval_loss: float | None = None
    cost_usd: float | None = None
    queued_at: float | None = None
    image: str = ""
    image_digest: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of a run as the trainer wrote it: its number, time, type and further fields."""

    seq: int
    time: float
    type: str
    fields: dict[str, object] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """A numeric field, or None where this event has none."""
        value = self.fields.get(name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if is_number else None  # type: ignore[arg-type]

    def text(self, name: str) -> str:
        """A text field, or the empty string."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """What following a run brought since the last look: the run now, new events, new log text.

    ``trouble`` says why its trainer cannot be looked at just now; then nothing is concluded.
    """

    run: Run
    events: tuple[RunEvent, ...] = ()
    log: str = ""
    trouble: str = ""
