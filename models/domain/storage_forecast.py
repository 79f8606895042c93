"""How much of the disk a training will take at most: its checkpoints and what it makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain import memory_terms as terms
from models.domain.memory import plan_of

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.hyperparameters import HyperparameterSection
    from models.domain.model_shape import ModelShape

_FLOAT32, _HALF = 4, 2
_VOCABULARY_BYTES = 100
"""Of a tokenizer's files for each token, which are in every checkpoint: 72 in SmolLM2's, more where
tokens are longer."""
_SMALL_FILES = 40_000
"""Schedule, random numbers, log, settings, model card: 34 kB in a checkpoint of SmolLM2."""
_SAVES = 10
_FEWEST_STEPS_APART, _MOST_STEPS_APART = 10, 200
"""How the trainer chooses when to save (``trainer_image/steps.py``); a test holds them together."""


@dataclass(frozen=True, slots=True)
class CheckpointSize:
    """Bytes of one checkpoint and of the result. ``measured_on`` is the run whose checkpoint was
    looked at; empty for what was only calculated."""

    checkpoint: int
    result: int
    measured_on: str = ""


@dataclass(frozen=True, slots=True)
class StorageForecast:
    """What a training takes beside what is there: ``count`` checkpoints at once at most. ``free``
    is what its place has left, None where that is not known; ``place`` says in words where."""

    size: CheckpointSize
    count: int
    free: int | None
    place: str

    @property
    def most(self) -> int:
        """The most bytes it takes at once."""
        return self.size.checkpoint * self.count + self.size.result

    @property
    def least(self) -> int:
        """Without this nothing of it can be saved: one checkpoint and the result."""
        return self.size.checkpoint + self.size.result

    @property
    def cannot_save(self) -> bool:
        """Whether there is room not even for one checkpoint and the result."""
        return self.free is not None and self.free < self.least

    @property
    def may_fill_up(self) -> bool:
        """Whether all of it may not fit."""
        return self.free is not None and self.free < self.most


def calculated_size(config: TrainingConfig, shape: ModelShape, *, on_gpu: bool) -> CheckpointSize:
    """From the model's shape: what learns in float32 with the optimiser's states, the tokenizer's
    files, and the result, which has no states."""
    plan = plan_of(config.hp, on_gpu=on_gpu)
    learns = terms.trained_parameters(shape, plan)
    around = _VOCABULARY_BYTES * shape.vocab + _SMALL_FILES
    states = terms.optimizer_bytes(shape, plan)
    width = _HALF if plan.is_full and plan.width == _HALF else _FLOAT32
    return CheckpointSize(learns * _FLOAT32 + states + around, learns * width + around)


def most_checkpoints(hp: HyperparameterSection, steps: int | None, *, evaluates: bool) -> int:
    """How many lie there at once at most: those that are kept, the best one, and one that is being
    written while the oldest is still there. ``steps`` of the whole training, None if not known."""
    kept = max(1, hp.save_total_limit) + int(hp.load_best and evaluates)
    if steps is None:
        return kept + 1
    automatic = min(max(_FEWEST_STEPS_APART, math.ceil(steps / _SAVES)), _MOST_STEPS_APART)
    every = max(1, hp.save_steps or automatic)
    return min(kept + 1, steps // every + 1)  # the last step is saved, too


def steps_of(hp: HyperparameterSection, rows: int, batch: int) -> int | None:
    """The steps of a training on so many rows, ``batch`` of them each; None for settings that are
    none."""
    if batch < 1 or not 0 < hp.epochs <= 1000:
        return None
    steps = max(1, math.ceil(math.ceil(rows / batch) * hp.epochs))
    return steps if hp.max_steps is None else max(1, min(steps, hp.max_steps))
