"""Which engine, device and precision a job gets, and why (docs/engines.md)."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer_image.checks import gpu_problems
from trainer_image.run_folder import is_local, resolve

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from trainer_image.contract import Job
    from trainer_image.machine import Machine

TRANSFORMERS, UNSLOTH = "transformers", "unsloth"

_LEAST_CAPABILITY = (7, 0)
"""Unsloth's own requirement: V100, T4, RTX 20 and later (its documentation, "Requirements")."""


@dataclass(frozen=True)
class Engine:
    """What a job is trained with; ``reason`` is a sentence for the user."""

    name: str
    device: str
    precision: str
    quantization: str
    reason: str

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU and it is to be used."""
        return self.device != "cpu"

    @property
    def is_unsloth(self) -> bool:
        """Whether Unsloth's kernels compute, and its ways must be minded."""
        return self.name == UNSLOTH

    def autocast(self) -> AbstractContextManager[Any]:
        """What is computed within is computed as in a training step."""
        import torch

        halved = self.on_gpu and self.precision != "float32"
        dtype = getattr(torch, self.precision)
        return torch.autocast("cuda", dtype=dtype) if halved else nullcontext()


def choose_engine(job: Job, machine: Machine) -> Engine:
    """Settle every "auto" by what this machine has; RefusedError if it lacks something."""
    if not machine.gpu:
        problems = list(gpu_problems(job.hp))
        if problems:
            raise problems[0]
        reason = "No GPU was found." if job.use_gpu else "The job asks for the processor."
        return Engine(TRANSFORMERS, "cpu", "float32", _quantization(job, "none"), reason)
    half = "bfloat16" if machine.has_bfloat16 else "float16"
    precision = half if job.hp.precision == "auto" else job.hp.precision
    quantization = _quantization(job, "4-bit")
    obstacle = _obstacle_of_machine(machine) or _obstacle_of_job(job, precision, quantization)
    return Engine(
        name=TRANSFORMERS if obstacle else UNSLOTH,
        device=machine.gpu,
        precision=precision,
        quantization=quantization,
        reason=obstacle or f"Unsloth {machine.unsloth} has faster kernels for this GPU.",
    )


def _obstacle_of_machine(machine: Machine) -> str:
    """Why Unsloth cannot train here, as a sentence; empty if it can."""
    if machine.refusal:
        return f"Unsloth does not take this model: {machine.refusal}"
    if not machine.unsloth:
        return "Unsloth is not installed beside the trainer."
    if not machine.is_nvidia:
        return "Unsloth is used on NVIDIA cards only."
    if not machine.is_linux:
        return "Unsloth is used on Linux only, as in the trainer's image."
    if machine.processes > 1:
        return f"{machine.processes} processes train together, and Unsloth trains in one."
    if machine.capability < _LEAST_CAPABILITY:
        least, has = (".".join(map(str, of)) for of in (_LEAST_CAPABILITY, machine.capability))
        return f"Unsloth needs the compute capability {least}, and this GPU has {has}."
    return ""


def _obstacle_of_job(job: Job, precision: str, quantization: str) -> str:
    """Why Unsloth is not used for what is asked; empty if it is.

    Its fused layers compute the first active adapter alone and know no DoRA, so that with anything
    else they would either be passed over or be wrong.
    """
    hp = job.hp
    if hp.tuning != "LoRA":
        return "All of the model is trained, and Unsloth is used for adapters."
    if hp.method != "SFT":
        return f"The method is {hp.method}, and Unsloth is used for SFT."
    if job.on_top_of:
        return "A second adapter lies below the new one, and Unsloth computes one."
    if hp.lora_variant == "DoRA":
        return "Unsloth has no faster layers for DoRA."
    if quantization == "8-bit":
        return "Unsloth is used for 4-bit and 16-bit weights, not for 8-bit ones."
    if precision == "float32":
        return "Unsloth computes in 16 bits, and the job asks for float32."
    return ""


def _quantization(job: Job, usual: str) -> str:
    """What "auto" means here: weights that learn themselves are never quantised, and what is
    stored quantised stays so whatever is asked."""
    stored = stored_quantization(job.base_model)
    if stored or job.hp.quantization != "auto":
        return stored or job.hp.quantization
    return "none" if job.hp.tuning == "full" else usual


def stored_quantization(base_model: str) -> str:
    """How a base model's weights are quantised where they lie; empty if they are not, or if that
    cannot be known before a repository is fetched. Unsloth's repositories tell by their names."""
    if not is_local(base_model):
        return "4-bit" if base_model.lower().endswith("-bnb-4bit") else ""
    try:
        found = json.loads((resolve(base_model) / "config.json").read_bytes())
    except (OSError, ValueError):  # the loading says it better
        return ""
    how = found.get("quantization_config") or {}
    for name, told in (("load_in_4bit", "4-bit"), ("load_in_8bit", "8-bit")):
        if how.get(name):
            return told
    return str(how.get("quant_method", ""))


def source_of(base_model: str) -> str:
    """What ``from_pretrained`` is given: a folder's real place, or a repository's name."""
    return str(resolve(base_model)) if is_local(base_model) else base_model
