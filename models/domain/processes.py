"""How many GPUs, and so how many processes, a setup trains with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_PYTHON, TARGET_RUNPOD
from models.domain.errors import Fix, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.config import LocalSection, TrainingConfig

ALL_GPUS = "all"
MOST_PROCESSES = 64
_PYTHON_JOINS = sys.platform != "win32"
"""On Windows PyTorch has no NCCL, by which GPUs tell each other their gradients."""


def chosen_gpus(local: LocalSection) -> tuple[int, ...]:
    """The GPUs that were chosen by number; none means all, or that none are wanted."""
    text = local.gpu_devices.strip()
    if not local.use_gpu or not text or text.lower() == ALL_GPUS:
        return ()
    numbers = (int(part) for part in text.split(",") if part.strip().isdecimal())
    return tuple(dict.fromkeys(numbers))


def processes_of(config: TrainingConfig, gpus: int, *, python_joins: bool = _PYTHON_JOINS) -> int:
    """One for each GPU that takes part; 1 on the processor. ``gpus`` are those of this computer."""
    if config.training.target == TARGET_RUNPOD:
        return max(1, min(config.runpod.gpu_count, MOST_PROCESSES))
    if not config.local.use_gpu or gpus == 0:
        return 1
    if config.local.runtime == RUNTIME_PYTHON and not python_joins:
        return 1
    return max(1, min(len(chosen_gpus(config.local)) or gpus, MOST_PROCESSES))


def effective_batch(config: TrainingConfig, gpus: int) -> int:
    """Rows, or packed sequences, from which one step of the optimiser learns."""
    return config.hp.batch_size * config.hp.grad_accum * processes_of(config, gpus)


def missing_gpus_problem(local: LocalSection, indexes: Sequence[int]) -> Problem | None:
    """Why the GPUs chosen by number cannot all be used; ``indexes`` are those that are there, as
    far as the driver says."""
    missing = [number for number in chosen_gpus(local) if number not in indexes]
    if not missing or not indexes:
        return None
    shown = ", ".join(map(str, indexes))
    return Problem(
        "local.gpu_devices",
        local.gpu_devices,
        f"names a GPU that is not there: {', '.join(map(str, missing))}.",
        f"Choose among {shown}.",
        fix=Fix("Use all", (("local.gpu_devices", ALL_GPUS),)),
    )
