"""The smallest changes that may cure a failed run, as data of the ``failed`` event.

Each is ``{"label", "changes": {"hp.batch_size": 1, …}, "sentence", "resumes"}``, the least noticed
first. With ``resumes`` the changed job goes on from the last checkpoint; else it begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer_image import checkpoints
from trainer_image.checkpoints import MANIFEST
from trainer_image.contract import FailureKind
from trainer_image.run_folder import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.contract import Hyperparameters, Job

Remedy = dict[str, Any]

_MEMORY = (FailureKind.CUDA_OOM, FailureKind.HOST_OOM)
_SHORTEST = 512
"""Half of less is too short for most conversations."""


@dataclass(frozen=True)
class Situation:
    """What a remedy depends on: the job, whether a GPU is used, and what was saved."""

    job: Job
    on_gpu: bool = False

    @property
    def hp(self) -> Hyperparameters:
        """The settings that failed."""
        return self.job.hp

    @property
    def checkpoint(self) -> int:
        """The step of the newest sealed checkpoint; 0 where there is none."""
        folder = resolve(self.job.output_directory) / "checkpoints"
        sealed = (path for path in checkpoints.newest_first(folder) if (path / MANIFEST).exists())
        return next((int(path.name.removeprefix("checkpoint-")) for path in sealed), 0)


def remedies_for(kind: FailureKind, situation: Situation | None) -> list[Remedy]:
    """What to try next; empty where no setting is at fault, or the job could not be read."""
    if situation is None:
        return []
    if kind in _MEMORY:
        return [*_less_memory(situation)]
    if kind is FailureKind.NAN_LOSS:
        return [_slower(situation)]
    if kind is FailureKind.CHECKPOINT_CORRUPT and situation.hp.resume_from:
        sentence = "The newest sound checkpoint of the output directory is looked for and taken."
        return [_remedy("Take the newest checkpoint", sentence, {"resume_from": ""}, resumes=True)]
    return []


def _less_memory(situation: Situation) -> Iterator[Remedy]:
    """A smaller batch at the same effective batch, then computing activations twice, then shorter
    sequences; the first two learn the same."""
    hp = situation.hp
    effective = hp.batch_size * hp.grad_accum
    smaller = next((n for n in range(hp.batch_size // 2, 0, -1) if effective % n == 0), 0)
    if smaller:
        yield _remedy(
            f"Use batch size {smaller}",
            f"Batch size {smaller} with accumulation {effective // smaller} needs less memory and "
            f"learns the same: the effective batch stays {effective}.",
            {"batch_size": smaller, "grad_accum": effective // smaller},
            resumes=True,
        )
    choice = hp.gradient_checkpointing
    if choice == "off" or (choice == "auto" and not situation.on_gpu):
        yield _remedy(
            "Use gradient checkpointing",
            "Gradient checkpointing needs less memory and learns the same, in more time.",
            {"gradient_checkpointing": "on"},
            resumes=True,
        )
    if hp.max_seq_length >= _SHORTEST:
        length = hp.max_seq_length // 2
        yield _remedy(
            f"Use sequence length {length:,}",
            f"A sequence length of {length:,} needs less memory; longer rows lose their end.",
            {"max_seq_length": length},
            resumes=False,
        )


def _slower(situation: Situation) -> Remedy:
    """Half the learning rate, from the last checkpoint: its weights were numbers when it was made,
    and a checkpoint that is named may be gone on from with other settings."""
    rate, step = situation.hp.learning_rate / 2, situation.checkpoint
    changes: dict[str, Any] = {"learning_rate": rate}
    place = "The training begins anew"
    if step:
        changes["resume_from"] = f"checkpoint-{step}"
        place = f"The training goes on from step {step:,}"
    return _remedy("Halve the learning rate", f"{place} with {rate:g}.", changes, resumes=step > 0)


def _remedy(label: str, sentence: str, changes: dict[str, Any], *, resumes: bool) -> Remedy:
    settings = {f"hp.{name}": value for name, value in changes.items()}
    return {"label": label, "changes": settings, "sentence": sentence, "resumes": resumes}
