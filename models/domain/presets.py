"""The Beginner presets: which values each sets, and why, as a pure function of what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.hardware import Hardware

if TYPE_CHECKING:
    from models.domain.base_models import BaseModel
    from models.domain.config import TrainingConfig
    from models.domain.model_shape import ModelShape


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


_FIXED: dict[str, tuple[float, int, int, int, bool]] = {
    "Fastest (Runpod)": (2e-4, 8, 1, 600, True),
    "Cheapest (Runpod)": (1e-4, 1, 8, 200, True),
    "Quick local test": (2e-4, 1, 1, 20, False),
    "Auto Set (local)": (1e-4, 1, 4, 50, True),
}


def apply_preset(preset: str, config: TrainingConfig, context: PresetContext) -> PresetResult:
    """What ``preset`` sets for ``config``; pure, so the same again changes nothing."""
    rate, batch, accumulation, steps, packing = _FIXED[preset]
    values: dict[str, object] = {
        "hp.learning_rate": rate,
        "hp.batch_size": batch,
        "hp.grad_accum": accumulation,
        "hp.max_steps": steps,
        "hp.packing": packing,
    }
    return PresetResult(
        preset,
        values,
        f"batch {batch} \N{MULTIPLICATION SIGN} {accumulation}, at most {steps} steps",
    )
