"""The Beginner presets: which values each sets, and why, as a pure function of what is there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.auto_set import FREE_SHARE, Computer, batch_words, choose, gigabytes, peak_of
from models.domain.config import PRESETS, TARGET_LOCAL, TARGET_RUNPOD
from models.domain.hardware import Hardware

if TYPE_CHECKING:
    from models.domain.base_models import BaseModel
    from models.domain.config import TrainingConfig
    from models.domain.model_shape import ModelShape

FASTEST, CHEAPEST = PRESETS[TARGET_RUNPOD]
QUICK_TEST, AUTO_SET = PRESETS[TARGET_LOCAL]


@dataclass(frozen=True, slots=True)
class PresetContext:
    """What a preset may know: hardware, catalogue, the chosen model's shape, and its rows.

    ``rows`` is the number of rows trained on, ``factor`` the calibration of the memory estimate.
    """

    hardware: Hardware = field(default_factory=Hardware)
    models: tuple[BaseModel, ...] = ()
    shape: ModelShape | None = None
    rows: int | None = None
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class PresetResult:
    """What a preset sets and says.

    ``values`` maps each path it sets to its value, always the same paths; ``reason`` is one line
    for the user; ``suggested_model`` a repo id to propose, asked about before it is set; ``fits``
    is False where the training is not expected to fit the memory.
    """

    preset: str
    values: dict[str, object] = field(default_factory=dict)
    reason: str = ""
    suggested_model: str = ""
    fits: bool = True


@dataclass(frozen=True, slots=True)
class _Values:
    """The settings that every preset sets, all of them each time: nothing of another stays."""

    learning_rate: float
    batch_size: int
    grad_accum: int
    max_steps: int
    packing: bool = True

    def by_path(self) -> dict[str, object]:
        return {
            "hp.learning_rate": self.learning_rate,
            "hp.batch_size": self.batch_size,
            "hp.grad_accum": self.grad_accum,
            "hp.max_steps": self.max_steps,
            "hp.packing": self.packing,
        }

    def words(self) -> str:
        batch = batch_words(self.batch_size, self.grad_accum)
        return f"{batch}, at most {self.max_steps} steps"


_FIXED = {
    FASTEST: _Values(2e-4, 8, 1, 600),
    CHEAPEST: _Values(1e-4, 1, 8, 200),
    QUICK_TEST: _Values(2e-4, 1, 1, 20, packing=False),
}
SET_BY_PRESETS = tuple(_FIXED[QUICK_TEST].by_path())
"""The settings that every preset sets."""
_WANTED_GPU = {FASTEST: "strongest", CHEAPEST: "cheapest"}


def apply_preset(preset: str, config: TrainingConfig, context: PresetContext) -> PresetResult:
    """What ``preset`` sets for ``config``; pure, so the same again changes nothing.

    Raises ValueError for a name that is no preset.
    """
    if preset == AUTO_SET:
        return _auto_set(config, context)
    if preset == QUICK_TEST:
        return _quick_test(config, context)
    if preset in _WANTED_GPU:
        return _rented(preset, config, context)
    raise ValueError(f"{preset!r} is not a preset")


def _auto_set(config: TrainingConfig, context: PresetContext) -> PresetResult:
    computer = Computer(
        context.hardware, context.shape, context.models, context.rows, context.factor
    )
    choice = choose(config, computer)
    values = _Values(
        choice.learning_rate, choice.batch, choice.accumulation, choice.max_steps
    ).by_path()
    return PresetResult(AUTO_SET, values, choice.reason, choice.suggested_model, choice.fits)


def _quick_test(config: TrainingConfig, context: PresetContext) -> PresetResult:
    """Short on any computer; the line says where even that is not expected to fit."""
    values = _FIXED[QUICK_TEST]
    line = f"A short test: {values.words()}, without packing"
    free = min((gpu.free for gpu in context.hardware.gpus), default=0)
    if not free or context.shape is None or not config.local.use_gpu:
        return PresetResult(QUICK_TEST, values.by_path(), line)
    peak = peak_of(config, context.shape, values.batch_size, on_gpu=True, factor=context.factor)
    if fits := peak <= free:
        line += f", predicted peak {gigabytes(peak)} of {gigabytes(free)} free"
    else:
        line += f". It needs up to {gigabytes(peak)}, and {gigabytes(free)} are free."
    return PresetResult(QUICK_TEST, values.by_path(), line, fits=fits)


def _rented(preset: str, config: TrainingConfig, context: PresetContext) -> PresetResult:
    """On a rented GPU the batch is fixed, and the GPU is chosen so that it fits."""
    values, wanted = _FIXED[preset], _WANTED_GPU[preset]
    line = values.words()
    line = line[0].upper() + line[1:]
    if context.shape is None:
        why = f"{line}, on the {wanted} GPU in stock that fits"
        return PresetResult(preset, values.by_path(), why)
    peak = peak_of(config, context.shape, values.batch_size, on_gpu=True, factor=context.factor)
    least = math.ceil(peak / FREE_SHARE / 2**30)
    why = (
        f"{line}, predicted peak {gigabytes(peak)}, "
        f"on the {wanted} GPU in stock with at least {least} GB"
    )
    return PresetResult(preset, values.by_path(), why)
