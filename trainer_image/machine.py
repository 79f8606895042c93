"""What this machine has, as far as the choice of the engine depends on it."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from trainer_image import world

if TYPE_CHECKING:
    from trainer_image.contract import Job

REFUSAL_VARIABLE = "TEMPER_UNSLOTH_REFUSED"
"""Set for the process that takes over after Unsloth refused a model: why it did."""


@dataclass(frozen=True)
class Machine:
    """The facts. ``gpu`` is a GPU's name, or empty; ``capability`` its CUDA compute capability.

    ``unsloth`` is the version installed beside the trainer, or empty; ``refusal`` is what Unsloth
    said to this job's model when it was tried.
    """

    gpu: str = ""
    capability: tuple[int, int] = (0, 0)
    is_nvidia: bool = True
    has_bfloat16: bool = True
    unsloth: str = ""
    is_linux: bool = True
    processes: int = 1
    refusal: str = ""


def look_at_machine(job: Job) -> Machine:
    """The machine as this job may use it. Imports torch, but nothing that Unsloth patches."""
    import torch

    if not (job.use_gpu and torch.cuda.is_available()):
        return Machine()
    return Machine(
        gpu=torch.cuda.get_device_name(0),
        capability=torch.cuda.get_device_capability(0),
        is_nvidia=not torch.version.hip,
        has_bfloat16=torch.cuda.is_bf16_supported(),
        unsloth=_unsloth_version(),
        is_linux=sys.platform == "linux",
        processes=max(job.processes, world.size()),
        refusal=os.environ.get(REFUSAL_VARIABLE, ""),
    )


def _unsloth_version() -> str:
    """Without importing it: that takes seconds, and changes the other libraries."""
    if importlib.util.find_spec("unsloth") is None:
        return ""
    try:
        return version("unsloth")
    except PackageNotFoundError:  # a folder of that name, and no package
        return ""
