"""Which engine, device and precision a job gets, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer_image.checks import gpu_problems
from trainer_image.run_folder import is_local, resolve

if TYPE_CHECKING:
    from trainer_image.contract import Job


@dataclass(frozen=True)
class Engine:
    """What a job is trained with; ``reason`` is shown to the user."""

    name: str
    device: str
    precision: str
    quantization: str
    reason: str

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU and it is to be used."""
        return self.device != "cpu"


def choose_engine(job: Job) -> Engine:
    """Settle every "auto" by what this machine has; RefusedError if it lacks something."""
    import torch

    if not (job.use_gpu and torch.cuda.is_available()):
        problems = list(gpu_problems(job.hp))
        if problems:
            raise problems[0]
        reason = "no GPU was found" if job.use_gpu else "the job asks for the processor"
        quantization = _quantization(job, "none")
        return Engine("transformers", "cpu", "float32", quantization, reason)
    half = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return Engine(
        name="transformers",
        device=torch.cuda.get_device_name(0),
        precision=half if job.hp.precision == "auto" else job.hp.precision,
        quantization=_quantization(job, "4-bit"),
        reason="a GPU was found",
    )


def _quantization(job: Job, usual: str) -> str:
    """What "auto" means here: weights that learn themselves are never quantised."""
    if job.hp.quantization != "auto":
        return job.hp.quantization
    return "none" if job.hp.tuning == "full" else usual


def source_of(base_model: str) -> str:
    """What ``from_pretrained`` is given: a folder's real place, or a repository's name."""
    return str(resolve(base_model)) if is_local(base_model) else base_model
