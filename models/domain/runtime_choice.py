"""How a new setup runs on this computer until somebody chooses: in a container or in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.domain.config import RUNTIME_DOCKER, RUNTIME_PYTHON

if TYPE_CHECKING:
    from models.domain.docker import EngineInfo


class RuntimeChoice(NamedTuple):
    """A value of ``local.runtime``, and for Docker why, in a sentence."""

    runtime: str
    reason: str = ""


def default_runtime(
    engine: EngineInfo | None, *, image_is_there: bool, gpu_count: int
) -> RuntimeChoice:
    """Docker where an engine of this computer answers and has the image or can pass a GPU.

    Without either, Python is quicker ready: it fetches less than an image holds.
    """
    if engine is None or not engine.is_local:
        return RuntimeChoice(RUNTIME_PYTHON)
    if image_is_there:
        return RuntimeChoice(
            RUNTIME_DOCKER, "Chosen for you: the training image is on this computer."
        )
    if engine.gpu.can_pass and gpu_count:
        gpus = "the GPU" if gpu_count == 1 else f"{gpu_count} GPUs"
        return RuntimeChoice(RUNTIME_DOCKER, f"Chosen for you: containers can use {gpus} here.")
    return RuntimeChoice(RUNTIME_PYTHON)
