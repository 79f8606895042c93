"""About how many tokens a training goes through: for a rough time, before anything is tokenised."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.hyperparameters import HyperparameterSection

_BYTES_A_TOKEN = 4
"""Of English text with the vocabularies of today's models; other languages have fewer."""
_TWO_ANSWERS = ("DPO", "ORPO")
"""Methods whose rows are read twice, with either answer."""


def training_tokens(config: TrainingConfig, rows: int, size: int) -> int | None:
    """Tokens of all steps. ``rows`` and ``size`` (bytes) of the dataset are 0 where not known.

    None where the settings alone do not tell: a dataset that is not here, without a limit of steps.
    """
    hp = config.hp
    row = _row_tokens(hp, rows, size)
    steps = _steps(config, rows, row)
    if steps is None:
        return None
    sequence = hp.max_seq_length if hp.packing and hp.method == "SFT" else row
    return steps * _batch(config) * sequence * (2 if hp.method in _TWO_ANSWERS else 1)


def _row_tokens(hp: HyperparameterSection, rows: int, size: int) -> int:
    if not rows or not size:
        return hp.max_seq_length
    return max(1, min(hp.max_seq_length, size // rows // _BYTES_A_TOKEN))


def _steps(config: TrainingConfig, rows: int, row: int) -> int | None:
    hp = config.hp
    if not rows:
        return hp.max_steps
    sequences = rows * hp.epochs
    if hp.packing and hp.method == "SFT":
        sequences *= row / hp.max_seq_length
    steps = max(1, ceil(sequences / _batch(config)))
    return steps if hp.max_steps is None else min(steps, hp.max_steps)


def _batch(config: TrainingConfig) -> int:
    """Sequences of one step, over all GPUs of the pod."""
    return config.hp.batch_size * config.hp.grad_accum * config.runpod.gpu_count
