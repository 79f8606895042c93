"""Auto Set: batch, accumulation, steps and learning rate from what this computer has.

A pure function. Thresholds and shares are those of the user's specification; where it leaves
something open, docs/memory.md says what was decided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.config_io import with_values
from models.domain.hyperparameters import DEFAULT_MODEL
from models.domain.memory import estimate_memory
from models.domain.processes import processes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.base_models import BaseModel
    from models.domain.config import TrainingConfig
    from models.domain.hardware import Hardware
    from models.domain.model_shape import ModelShape

FREE_SHARE = 0.85
"""Of the free memory: estimates err, and programs come and go."""
EFFECTIVE_BATCH = 16
_BATCHES = (16, 8, 4, 2, 1)
"""Divisors of the effective batch, so that accumulation makes it exactly."""
_GIGABYTE = 10**9
_MOST_STEPS = ((22.0, 400), (15.0, 300), (11.0, 200), (7.5, 150), (0.0, 100))
"""Total memory of the card and the most steps. A gigabyte is 10^9 bytes here, while drivers count
2^30 for one and call it the same: a card may report 7 % less than its tier says and stays in it.
"""
_FAST_RATE, _SAFE_RATE = 2e-4, 1e-4
_FAST_RATE_FROM = 11.0
_PROCESSOR_ACCUMULATION, _PROCESSOR_STEPS = 4, 50


@dataclass(frozen=True, slots=True)
class Computer:
    """What Auto Set may know of computer, model and data; as ``PresetContext`` has it."""

    hardware: Hardware
    shape: ModelShape | None
    models: tuple[BaseModel, ...]
    rows: int | None
    factor: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What Auto Set decided, why, and whether it is expected to fit."""

    learning_rate: float
    batch: int
    accumulation: int
    max_steps: int
    reason: str
    suggested_model: str = ""
    fits: bool = True


def choose(config: TrainingConfig, computer: Computer) -> Choice:
    """The largest batch whose predicted peak leaves room, or why there is none."""
    if not computer.hardware.gpus or not config.local.use_gpu:
        return _on_processor(config, computer)
    total = min(gpu.total for gpu in computer.hardware.gpus)
    free = min(gpu.free for gpu in computer.hardware.gpus)
    processes = processes_of(config, len(computer.hardware.gpus))
    batch, peak = _largest_batch(config, computer, free, processes)
    choice = Choice(
        learning_rate=_FAST_RATE if total >= _FAST_RATE_FROM * _GIGABYTE else _SAFE_RATE,
        batch=batch,
        accumulation=max(1, EFFECTIVE_BATCH // (batch * processes)),
        max_steps=_max_steps(total, computer.rows),
        reason="",
    )
    found = f"{gigabytes(free)} free{_where(computer.hardware)}"
    if peak is None:
        why = f"{found}, the size of this model is not known: {_set_words(choice)}"
        return replace(choice, reason=why)
    if peak <= FREE_SHARE * free:
        why = f"{found}: {_set_words(choice, peak)}"
        return replace(choice, reason=why)
    return _too_big(config, computer, choice, free, peak)


def peak_of(
    config: TrainingConfig, shape: ModelShape, batch: int, *, on_gpu: bool, factor: float = 1.0
) -> int:
    """The predicted peak in bytes of this setup with another batch size, packed."""
    setup = with_values(config, {"hp.batch_size": batch, "hp.packing": True})
    return estimate_memory(setup, shape, on_gpu=on_gpu, factor=factor).total


def gigabytes(count: float) -> str:
    """Memory as drivers print it: 2^30 bytes to the gigabyte, one decimal."""
    return f"{count / 2**30:.1f} GB"


def batch_words(batch: int, accumulation: int) -> str:
    """``batch 8 x 2``, with the sign for times."""
    return f"batch {batch} \N{MULTIPLICATION SIGN} {accumulation}"


def _largest_batch(
    config: TrainingConfig, computer: Computer, free: int, processes: int
) -> tuple[int, int | None]:
    """Each GPU's batch and its predicted peak; batch 1 where none fits or nothing can be predicted.

    With several GPUs no batch that would be more than the effective one for all together.
    """
    if computer.shape is None:
        return 1, None
    peak = 0
    for batch in (one for one in _BATCHES if one == 1 or one * processes <= EFFECTIVE_BATCH):
        peak = peak_of(config, computer.shape, batch, on_gpu=True, factor=computer.factor)
        if peak <= FREE_SHARE * free:
            return batch, peak
    return 1, peak


def _max_steps(total: int, rows: int | None) -> int:
    most = next(steps for least, steps in _MOST_STEPS if total >= least * _GIGABYTE)
    if rows is None:
        return most
    return max(1, min(most, math.ceil(rows / EFFECTIVE_BATCH)))


def _too_big(
    config: TrainingConfig, computer: Computer, choice: Choice, free: int, peak: int
) -> Choice:
    budget = FREE_SHARE * free
    largest = largest_that_fits(config, computer.models, budget)
    why = (
        f"Does not fit: needs {gigabytes(peak)} even with batch 1, and {gigabytes(budget)} of "
        f"{gigabytes(free)} free{_where(computer.hardware)} may be used. "
    )
    if largest is None:
        why += "No model of the list would fit; free some memory, or shorten the sequence."
    else:
        why += f"The largest model that would fit: {largest.label}."
    repo = "" if largest is None else largest.repo
    return replace(choice, reason=why, suggested_model=repo, fits=False)


def largest_that_fits(
    config: TrainingConfig, models: Iterable[BaseModel], budget: float
) -> BaseModel | None:
    """The model with the most parameters whose batch of 1 stays within ``budget`` bytes."""
    fitting = (
        model
        for model in models
        if model.shape is not None and peak_of(config, model.shape, 1, on_gpu=True) <= budget
    )
    return max(fitting, key=lambda model: model.parameters, default=None)


def _on_processor(config: TrainingConfig, computer: Computer) -> Choice:
    """Without a GPU: a few small steps, on a small model if the user agrees."""
    hardware, model = computer.hardware, config.hp.base_model.strip()
    why = "The GPU is switched off" if hardware.gpus else hardware.reason or "No GPU was found"
    choice = Choice(_SAFE_RATE, 1, _PROCESSOR_ACCUMULATION, _PROCESSOR_STEPS, "")
    line = f"{why.strip().rstrip('.')}: {_set_words(choice)} on the processor"
    fits = _fits_main_memory(config, computer)
    smallest = min(computer.models, key=lambda known: known.parameters, default=None)
    if smallest is None or smallest.repo == model or (fits and model != DEFAULT_MODEL):
        return replace(choice, reason=line, fits=fits)
    line += f". {smallest.label} is small enough for it."
    return replace(choice, reason=line, suggested_model=smallest.repo, fits=fits)


def _fits_main_memory(config: TrainingConfig, computer: Computer) -> bool:
    """True as well where it is not known."""
    if computer.shape is None or not computer.hardware.ram_free:
        return True
    peak = peak_of(config, computer.shape, 1, on_gpu=False, factor=computer.factor)
    return peak <= FREE_SHARE * computer.hardware.ram_free


def _set_words(choice: Choice, peak: int | None = None) -> str:
    words = batch_words(choice.batch, choice.accumulation)
    if peak is not None:
        words += f", predicted peak {gigabytes(peak)}"
    return f"{words}, at most {choice.max_steps} steps"


def _where(hardware: Hardware) -> str:
    count = len(hardware.gpus)
    return f" on the fullest of {count} GPUs" if count > 1 else ""
