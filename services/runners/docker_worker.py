"""Where a worker runs that answers in a container: as its run was trained."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from services.inference_places import INFER
from services.run_files import RunFolder
from services.runners.base import Launch
from services.runners.container_spec import Extras, model_place, worker_spec
from services.runners.docker import caller_of
from services.runners.model_folders import is_mounted, model_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.config import LocalSection
    from models.domain.docker import EngineInfo
    from services.docker.engine import DockerEngine
    from services.docker.worker_link import ContainerLink
    from services.install_id import InstallId
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class ContainerPlace:
    """A :class:`~services.inference_places.WorkerPlace` in a container of this computer's engine.

    ``base_model`` is a folder that the container must be given, or the name of a repository.
    """

    engine: DockerEngine = field(compare=False)
    install_id: InstallId = field(compare=False)
    local: LocalSection
    code: TrainerCode
    data_root: Path
    log: Path
    base_model: str
    offline: bool = False
    module: str = INFER

    def seen(self, path: str) -> str:
        """A folder outside the data root is where it was mounted."""
        if not is_mounted(path):
            return path
        return model_place(path, caller_of(self._launch(), self.engine.info()))

    def start(self) -> ContainerLink:
        """A container with the limits of a training's; it ends with this program."""
        from services.docker.worker_link import ContainerLink

        self.log.parent.mkdir(parents=True, exist_ok=True)
        info, launch = self.engine.info(), self._launch()
        spec = worker_spec(launch, info, caller_of(launch, info), self._extras(info), self.module)
        return ContainerLink(self.engine.client(), spec, self.log)

    def _launch(self) -> Launch:
        folder = RunFolder(self.data_root, "none")
        return Launch(folder, self.code, self.local, self.offline, self.base_model)

    def _extras(self, info: EngineInfo) -> Extras:
        from services.docker.gpu import device_request

        gpu = self.local.use_gpu and info.gpu.can_pass
        folders: Sequence[Path] = ()
        if is_mounted(self.base_model) and not _is_inside(self.base_model, self.data_root):
            folders = model_folders(Path(self.base_model))
        return Extras(
            install_id=self.install_id.get(),
            started=time.time(),
            gpu=device_request(self.local.gpu_devices, info.kind) if gpu else None,
            model_folders=folders,
        )


def _is_inside(folder: str, data_root: Path) -> bool:
    return Path(folder).is_relative_to(data_root)
