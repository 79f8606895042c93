"""Whether a computer can train a model, by the estimate of memory with the usual settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.auto_set import FREE_SHARE, peak_of
from models.domain.config import TrainingConfig

if TYPE_CHECKING:
    from models.domain.hardware import Hardware
    from models.domain.model_shape import ModelShape


class Fit(StrEnum):
    """How a model and a computer go together."""

    UNKNOWN = ""
    FITS = "fits"
    TIGHT = "tight"
    TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class ModelFit:
    """The verdict, and the predicted peak in bytes that it rests on."""

    fit: Fit = Fit.UNKNOWN
    needed: int = 0


def fit_of(shape: ModelShape | None, hardware: Hardware) -> ModelFit:
    """Compare the smallest usual training (LoRA, batch 1) with the memory of card or computer.

    It fits where the share of the free memory that Auto Set would use is enough; it is tight where
    only more of it, or what other programs hold, would be.
    """
    gpu = hardware.deciding_gpu
    free, total = (gpu.free, gpu.total) if gpu else (hardware.ram_free, hardware.ram_total)
    if shape is None or not hardware.probed or not total:
        return ModelFit()
    needed = peak_of(TrainingConfig(), shape, 1, on_gpu=gpu is not None)
    if needed <= FREE_SHARE * free:
        return ModelFit(Fit.FITS, needed)
    return ModelFit(Fit.TIGHT if needed <= total else Fit.TOO_LARGE, needed)
