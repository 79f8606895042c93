"""How many processes a run on this computer, or on a pod, is to have: one for each of its GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, TARGET_LOCAL
from models.domain.errors import AppError
from models.domain.processes import processes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig
    from models.domain.docker import EngineInfo
    from models.domain.hardware import Hardware
    from trainer_image.contract import Job


def fitted(job: Job, processes: int) -> Job:
    """The job for a computer that has fewer GPUs than when it was made; the same steps for each.

    As many processes as divide a step's batches evenly, which then take more of them.
    """
    if processes >= job.processes or job.machines > 1:
        return job
    batches = job.hp.grad_accum * job.processes
    fewer = next(count for count in range(processes, 0, -1) if batches % count == 0)
    hp = job.hp.model_copy(update={"grad_accum": batches // fewer})
    return job.model_copy(update={"processes": fewer, "hp": hp})


class ProcessCount:
    """Blocking, and quick where no container is asked for. It never raises."""

    def __init__(
        self, probe: Callable[[], Hardware], engine_info: Callable[[], EngineInfo]
    ) -> None:
        self._probe = probe
        self._engine_info = engine_info

    def __call__(self, config: TrainingConfig) -> int:
        """The number for this setup, as the computer is now."""
        local = config.local
        if config.training.target != TARGET_LOCAL or not local.use_gpu:
            return processes_of(config, 0)
        gpus = len(self._probe().gpus)
        if gpus > 1 and local.runtime == RUNTIME_DOCKER and not self._can_pass():
            gpus = 0
        return processes_of(config, gpus)

    def _can_pass(self) -> bool:
        """Whether containers get GPUs at all; without them they train on the processor."""
        try:
            return self._engine_info().gpu.can_pass
        except AppError:  # the runner's own check says so
            return False
