"""Chooses where a model answers: where its run was trained, else where this computer can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER
from models.domain.errors import AppError
from models.domain.inference import TunedModel
from services.inference_places import INSPECT, ProcessPlace
from services.job_builder import is_local_model
from services.models.sharing import lend

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.data_report import Learning
    from services.docker.engine import DockerEngine
    from services.docker.images import ImageService
    from services.environment.runtime_env import RuntimeEnvironment
    from services.inference_places import WorkerPlace
    from services.install_id import InstallId
    from services.offline import OfflinePolicy
    from services.runners.docker_worker import ContainerPlace
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class WorkerPlaces:
    """All that is needed to say where a model's worker runs. Blocking."""

    runtime: RuntimeEnvironment
    engine: DockerEngine
    images: ImageService
    install_id: InstallId
    code: Callable[[], TrainerCode]
    log: Path
    offline: OfflinePolicy

    def place(self, model: TunedModel) -> WorkerPlace:
        """In a container for what was trained in one; where its engine or image is not there, in
        the managed environment if that is. AppError says what is missing."""
        self._lend(model.base_model, model.data_root)
        if model.local.runtime == RUNTIME_DOCKER:
            try:
                return self._container(model)
            except AppError:
                if not self.runtime.is_ready():
                    raise
        return ProcessPlace(
            python=self.runtime.python,
            code=self.code(),
            data_root=Path(model.data_root),
            log=self.log,
            offline=self.offline.is_offline(),
            use_gpu=model.local.use_gpu,
        )

    def inspection(self, learning: Learning) -> WorkerPlace:
        """Where a dataset is looked at: in the managed environment, which starts faster, else in a
        container. Neither needs a GPU."""
        self._lend(learning.base_model, learning.data_root)
        log = self.log.with_name("inspection.log")
        local = replace(learning.local, use_gpu=False)
        if not self.runtime.is_ready() and local.runtime == RUNTIME_DOCKER:
            model = TunedModel(learning.base_model, "", learning.data_root, local=local)
            return replace(self._container(model), log=log, module=INSPECT)
        return ProcessPlace(
            python=self.runtime.python,
            code=self.code(),
            data_root=Path(learning.data_root),
            log=log,
            offline=self.offline.is_offline(),
            use_gpu=False,
            module=INSPECT,
        )

    def _lend(self, model: str, data_root: str) -> None:
        """A worker may fetch its model as a training does; what is there is not fetched again."""
        if not is_local_model(model) and not self.offline.is_offline():
            lend(model, Path(data_root))

    def _container(self, model: TunedModel) -> ContainerPlace:
        from services.runners.docker_worker import ContainerPlace

        image = model.local.image.strip()
        if self.images.find(image) is None:
            raise AppError(
                "image_missing",
                f"The image {image}, in which this model was trained, is not on this computer.",
                "Pull it, or build Temper's own and choose that.",
            )
        return ContainerPlace(
            engine=self.engine,
            install_id=self.install_id,
            local=model.local,
            code=self.code(),
            data_root=Path(model.data_root),
            log=self.log,
            base_model=model.base_model,
            offline=self.offline.is_offline(),
        )
