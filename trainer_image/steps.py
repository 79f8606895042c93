"""How many steps a run has, and when it evaluates, saves and warms up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer_image.contract import Hyperparameters

_EVALUATIONS = 4
"""Evaluations in a run, beside the one of the untouched base: enough for a curve, cheap enough."""

_SAVES = 10
_FEWEST_STEPS_APART, _MOST_STEPS_APART = 10, 200
"""Checkpoints come at every tenth of a run, so a crash costs a tenth of it; never so often that
saving shows in the time, nor so seldom that hours are lost."""


@dataclass(frozen=True)
class StepPlan:
    """Numbers of optimiser steps; ``eval_every`` is None without held-out rows."""

    per_epoch: int
    total: int
    warmup: int
    eval_every: int | None
    save_every: int

    def evaluates_at(self, step: int) -> bool:
        """Whether the held-out loss is measured after ``step``; step 0 is the untouched base."""
        if self.eval_every is None:
            return False
        return step % self.eval_every == 0 or step >= self.total


def plan_steps(
    hp: Hyperparameters, items: int, *, evaluating: bool, processes: int = 1
) -> StepPlan:
    """``max_steps`` is a limit: it shortens a run of ``epochs`` and never lengthens it.

    Each of the ``processes`` that train together takes ``grad_accum`` batches for a step. The last
    batch of an epoch may be small and its last accumulation short; both are trained on.
    """
    per_epoch = math.ceil(math.ceil(items / hp.batch_size) / (hp.grad_accum * processes))
    total = math.ceil(hp.epochs * per_epoch)
    if hp.max_steps is not None:
        total = min(total, hp.max_steps)
    save_every = min(max(_FEWEST_STEPS_APART, math.ceil(total / _SAVES)), _MOST_STEPS_APART)
    return StepPlan(
        per_epoch=per_epoch,
        total=total,
        warmup=math.ceil(hp.warmup_ratio * total),
        eval_every=(hp.eval_steps or math.ceil(total / _EVALUATIONS)) if evaluating else None,
        save_every=hp.save_steps or save_every,
    )
