"""The trainer's programs that print or take rows, for who has Docker and no managed environment."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.domain.config import DEFAULT_IMAGE, RUNTIME_DOCKER, LocalSection
from models.domain.errors import AppError
from services.dataset_import.messages import Exporter
from services.environment.own_module import OwnModule
from services.run_files import RunFolder
from services.runners.base import Launch
from services.runners.container_program import (
    PROGRAM_OPTION,
    ContainerOrder,
    ends_with_input,
)
from services.runners.container_spec import Extras, worker_spec
from services.runners.docker import caller_of
from trainer_image.contract import CONTAINER_DATA_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.domain.docker import EngineInfo
    from services.docker.engine import DockerEngine
    from services.docker.images import ImageService
    from services.install_id import InstallId
    from services.trainer_code import TrainerCode

_PROGRAM = OwnModule("services.runners.container_program", PROGRAM_OPTION)


@dataclass(frozen=True, slots=True)
class ContainerExporters:
    """Makes :class:`Exporter` s that run in a container of this computer's engine. Blocking."""

    engine: DockerEngine
    images: ImageService
    install_id: InstallId
    code: Callable[[], TrainerCode]
    data_root: Callable[[], Path]

    def image(self) -> str:
        """The image to use: one that was built here, else one that a configuration names, else the
        default one; empty where the engine has none of them, is not there, or is elsewhere."""
        try:
            if not self.engine.info().is_local:
                return ""
            there = [one for one in self.images.list([DEFAULT_IMAGE]) if not one.partial_of]
        except AppError:
            return ""
        there.sort(key=lambda one: (not one.is_ours, one.tag == DEFAULT_IMAGE, -one.created_at))
        return there[0].tag if there else ""

    def exporter(
        self, image: str, words: tuple[str, ...], token: str | None, *, network: bool
    ) -> Exporter:
        """For ``trainer_image.export_rows``; a container that needs none has no network."""
        spec = ends_with_input(self._spec(image, words[0], token, network=network))
        order = ContainerOrder(spec, has_input=False)
        return _exporter(words, order, is_source=network)

    def writer(self, image: str, module: str) -> Exporter:
        """For a module that makes a file of its standard input."""
        spec = self._spec(image, module, None, network=False)
        # What it puts aside may be larger than the container's own memory.
        with_room = {**spec, "Env": [*spec["Env"], f"TMPDIR={CONTAINER_DATA_ROOT}"]}
        order = ContainerOrder(with_room, has_input=True)
        return _exporter((module,), order, is_source=False)

    def _spec(self, image: str, module: str, token: str | None, *, network: bool) -> dict[str, Any]:
        root = self.data_root()
        root.mkdir(parents=True, exist_ok=True)
        info: EngineInfo = self.engine.info()
        local = LocalSection(runtime=RUNTIME_DOCKER, image=image, use_gpu=False)
        launch = Launch(RunFolder(root, "none"), self.code(), local, not network)
        extras = Extras(install_id=self.install_id.get(), started=time.time(), token=token)
        return worker_spec(launch, info, caller_of(launch, info), extras, module)


def _exporter(words: tuple[str, ...], order: ContainerOrder, *, is_source: bool) -> Exporter:
    variables = _PROGRAM.environment(order.variables())
    return Exporter(_PROGRAM.command(*words), variables, is_source=is_source)
