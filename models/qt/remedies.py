"""The smallest change that may cure a failed run, as values of the form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.run import RunState

if TYPE_CHECKING:
    from models.domain.run import Run

OUT_OF_MEMORY = frozenset({"cuda_oom", "host_oom"})
RESUMABLE = frozenset({"network", "cancelled", "disk_full", "internal", "driver", "auth"})
_SAME_AGAIN = frozenset({"bad_dataset", "bad_config"})
"""Failures that a resumed run would end with at once: the job itself is at fault."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A button's label, and the values it puts into the form (none: the run is resumed)."""

    label: str
    values: dict[str, object] = field(default_factory=dict)


def remedy_for(run: Run) -> Remedy | None:
    """What to offer for this run's failure; None where only the user can know."""
    kind = run.failure.kind if run.failure else ""
    if kind in OUT_OF_MEMORY:
        return _less_memory(run)
    if kind == "nan_loss":
        rate = run.config.hp.learning_rate / 2
        return Remedy("Halve the learning rate", {"hp.learning_rate": rate})
    return Remedy("Resume") if kind in RESUMABLE else None


def can_resume(run: Run) -> bool:
    """Whether going on with this run could end otherwise than before."""
    if not run.state.is_over or run.state is RunState.FINISHED:
        return False
    return run.failure is None or run.failure.kind not in _SAME_AGAIN


def _less_memory(run: Run) -> Remedy | None:
    hp = run.config.hp
    if hp.batch_size > 1:
        values: dict[str, object] = {
            "hp.batch_size": hp.batch_size // 2,
            "hp.grad_accum": hp.grad_accum * 2,
        }
        return Remedy(f"Use batch size {hp.batch_size // 2}", values)
    if hp.max_seq_length >= 512:
        half = hp.max_seq_length // 2
        return Remedy(f"Use sequence length {half:,}", {"hp.max_seq_length": half})
    return None
