"""What the history tells of runs: losses, times, curves, differences, sizes; and finding them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.config import SOURCE_HUB
from models.domain.run import RunState

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.run import Run

BY_STEP, BY_TIME = "step", "time"
"""What a curve is drawn over: optimiser steps, or seconds since the run's first event."""
CURVE_METRICS = ("loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_second")
"""What there are curves of."""
CURVE_POINTS = 2000
"""So many points a curve has at most: about as many as a wide window has columns."""
LONGEST_NAME = 200
LONGEST_NOTES = 20_000
LONGEST_TAG = 40
MOST_TAGS = 50
_ROUNDING = 1e-6
"""So much of a step is none: the steps of an epoch are a quotient."""
STATE_WORDS = {
    RunState.DRAFT: "draft",
    RunState.QUEUED: "waiting queued",
    RunState.PREPARING: "preparing",
    RunState.RUNNING: "running training",
    RunState.STOPPING: "stopping",
    RunState.FINISHED: "finished",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "stopped cancelled",
    RunState.LOST: "lost",
}
"""Words by which a search finds the runs of a state."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one run, thinned: ``xs`` are steps or seconds, ascending.

    Of each stretch of the run its lowest and highest point are there, so that no peak is missing.
    """

    run_id: str
    metric: str
    xs: tuple[float, ...] = ()
    ys: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not the same in all compared runs.

    ``path`` is the setting's (``hp.epochs``), or empty for what is no setting (the trainer's code);
    ``values`` are texts, one for each run in the order asked for.
    """

    path: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunSize:
    """Bytes of a run on disk: its own folder, and of the output directory what is its own.

    ``outputs_kept`` says why nothing of the output directory counts, where that is so; ``pinned``
    what of it the user has pinned, in words.
    """

    folder: int
    outputs: int
    output_directory: str
    outputs_kept: str = ""
    pinned: str = ""

    @property
    def total(self) -> int:
        """Everything that deleting with outputs frees."""
        return self.folder + self.outputs


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted; ``left`` are folders that could not be removed yet, tried again later."""

    run_ids: tuple[str, ...]
    left: tuple[str, ...] = ()


class Verb(StrEnum):
    """What a new run does with an earlier one."""

    AGAIN = "again"
    """The same once more."""
    LONGER = "longer"
    """Its training goes on, from its last checkpoint to a later end."""
    ON_TOP = "on top"
    """A new adapter learns on top of what it made."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """A run that can be run again exactly, or that another one can begin from.

    ``remarks`` say in sentences what will differ, ``config`` is the new run's. ``exact`` is that
    nothing known stands against the same result to the bit. ``steps`` are those that the new run
    begins after, ``per_epoch`` those of an epoch of the earlier run, where it goes on.
    """

    run_id: str
    name: str
    config: TrainingConfig
    remarks: tuple[str, ...] = ()
    verb: Verb = Verb.AGAIN
    exact: bool = False
    steps: int = 0
    per_epoch: float = 0.0

    def steps_in_all(self, epochs: float) -> int:
        """The step at which so many epochs end, counted from the very beginning."""
        return math.ceil(epochs * self.per_epoch - _ROUNDING)


@dataclass(frozen=True, slots=True)
class QueueTurn:
    """What starting the next run of the queue came to.

    ``failed`` are runs that could not be started and say why; ``held`` is why the queue waits
    although nothing runs (no engine, no environment), with the next step; empty where it does not.
    """

    started: Run | None = None
    failed: tuple[Run, ...] = ()
    held: str = ""


def seconds(run: Run, now: float | None = None) -> float | None:
    """How long a run took, or has taken until ``now`` while it lives; None where it never began."""
    end = run.ended_at if run.ended_at is not None else now if run.state.is_live else None
    return None if run.started_at is None or end is None else max(0.0, end - run.started_at)


def final_loss(run: Run) -> float | None:
    """The loss at the end: on held-out rows where it was measured, else of the training."""
    return run.eval_loss_after if run.eval_loss_after is not None else run.train_loss


def best_loss(run: Run) -> float | None:
    """The lowest held-out loss. Of training losses the lowest is only the easiest batch's."""
    known = [loss for loss in (run.best_eval_loss, run.eval_loss_after) if loss is not None]
    return min(known, default=None)


def model_name(run: Run) -> str:
    """The base model without its publisher or folder."""
    return (run.base_model or run.config.hp.base_model).rstrip("/").rsplit("/", 1)[-1]


def dataset_name(run: Run) -> str:
    """The dataset as it was called when the run was made; else what the setup says of it."""
    if run.dataset_name:
        return run.dataset_name
    dataset = run.config.dataset
    if dataset.source == SOURCE_HUB:
        return dataset.hf_repo
    return f"No. {dataset.session}" if dataset.session.strip().isdigit() else dataset.session


def matches(run: Run, words: str) -> bool:
    """Whether every one of these words is in the run's name, id, state, models, notes or tags."""
    wanted = words.casefold().split()
    if not wanted:
        return True
    parts = (
        run.name, run.id, STATE_WORDS[run.state], run.base_model, run.config.hp.base_model,
        dataset_name(run), run.notes, run.runtime, run.config.training.target, *run.tags,
    )  # fmt: skip
    text = "\n".join(parts).casefold()
    return all(word in text for word in wanted)


def clean_tags(tags: object) -> tuple[str, ...]:
    """Tags as they are kept: each on one line, once whatever its case, in the order given."""
    found: dict[str, str] = {}
    for tag in tags if isinstance(tags, (list, tuple)) else ():
        text = " ".join(str(tag).split())
        if text:
            found.setdefault(text.casefold(), text)
    return tuple(found.values())
