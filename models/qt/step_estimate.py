"""What the numbers of the form add up to: effective batch, steps per epoch, all steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.methods import packs
from models.domain.processes import effective_batch, processes_of
from models.qt.wording import counted

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """With packing the trainer may need fewer. ``gpus`` are those that train together."""

    effective_batch: int
    steps_per_epoch: int
    total_steps: int
    is_upper_bound: bool
    gpus: int = 1

    def sentence(self) -> str:
        """One line for beneath the hyperparameters."""
        about = "up to " if self.is_upper_bound else ""
        shared = f" on {self.gpus} GPUs" if self.gpus > 1 else ""
        return (
            f"Effective batch {self.effective_batch:,}{shared} · {about}"
            f"{counted(self.steps_per_epoch, 'step')} per epoch · {about}"
            f"{counted(self.total_steps, 'step')} in all"
        )


def estimate_steps(
    config: TrainingConfig, session: DatasetSession | None, gpus: int = 0
) -> StepEstimate | None:
    """The estimate for this setup, or None while there is no dataset or a value is impossible.

    ``gpus`` are those of this computer.
    """
    hp = config.hp
    if session is None or min(hp.batch_size, hp.grad_accum) < 1 or not 0 < hp.epochs <= 1000:
        return None
    batch = effective_batch(config, gpus)
    rows = training_rows(config, session)
    if hp.method == "KTO" and session.format == "preference":
        rows *= 2  # each pair is a good answer and a bad one
    per_epoch = max(1, math.ceil(rows / batch))
    total = max(1, math.ceil(per_epoch * hp.epochs))
    if hp.max_steps is not None:
        total = min(total, max(1, hp.max_steps))
    processes = processes_of(config, gpus)
    return StepEstimate(batch, per_epoch, total, packs(hp), processes)


def training_rows(config: TrainingConfig, session: DatasetSession) -> int:
    """How many rows of a dataset are trained on, the held-out part taken off."""
    splits = dict(session.splits)
    held_out = splits.get(config.dataset.eval_split, 0) if config.dataset.eval_split else 0
    if not config.dataset.eval_split:
        held_out = round(session.rows * min(max(config.dataset.eval_percent, 0), 50) / 100)
    return max(1, session.rows - held_out)
