"""An estimate of the most GPU memory that a training needs at once, and of what it consists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.model_shape import ModelShape


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """One part of the memory at the peak; ``key`` is stable, ``label`` is for people."""

    key: str
    label: str
    bytes: int


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The parts at the moment of the peak, in bytes.

    ``factor`` is what earlier runs of the same model on the same GPU measured, divided by what was
    predicted for them; ``notes`` say what the estimate does not know.
    """

    parts: tuple[MemoryPart, ...]
    factor: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The predicted peak in bytes, with the factor."""
        return round(sum(part.bytes for part in self.parts) * self.factor)


def estimate_memory(
    config: TrainingConfig, shape: ModelShape, *, on_gpu: bool, factor: float = 1.0
) -> MemoryEstimate:
    """Predict the peak of training ``config`` on a model of ``shape``."""
    tokens = config.hp.batch_size * config.hp.max_seq_length
    weights = shape.parameters * (4 if not on_gpu else 1)
    parts = (
        MemoryPart("weights", "Model weights", weights),
        MemoryPart("activations", "Activations", tokens * shape.hidden * shape.layers * 2),
        MemoryPart("logits", "Logits", tokens * shape.vocab * 10),
    )
    return MemoryEstimate(parts, factor)
