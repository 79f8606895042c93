"""Programs of the trainer's environment that print the rows which need its libraries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.dataset_import.messages import Exporter
from services.hub_datasets import dataset_problems
from services.offline import LIBRARIES_OFFLINE, NO_TELEMETRY
from services.runners.process import TOKEN_VARIABLES, worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.domain.dataset_import import HubSource
    from services.dataset_import.container_exporting import ContainerExporters
    from services.environment.runtime_env import RuntimeEnvironment
    from services.offline import OfflinePolicy
    from services.trainer_code import TrainerCode

_MODULE = "trainer_image.export_rows"
_WRITER = "trainer_image.write_parquet"


class TrainerExporters:
    """Makes :class:`Exporter` s of the managed environment or, where that is not set up, of a
    container. The token is asked for only where the Hub refuses a dataset without one."""

    def __init__(
        self,
        runtime: RuntimeEnvironment,
        code: Callable[[], TrainerCode],
        data_root: Callable[[], Path],
        offline: OfflinePolicy,
        hf_token: Callable[[], str | None],
        containers: ContainerExporters | None = None,
    ) -> None:
        self._runtime = runtime
        self._code = code
        self._data_root = data_root
        self._offline = offline
        self._hf_token = hf_token
        self._containers = containers

    def __call__(self, source: HubSource | None) -> Exporter:
        """For a dataset of the Hub, or for Parquet and Arrow files. Blocking; asks the network.

        AppError where the environment is missing, Offline mode is on, or the Hub refuses.
        """
        image = self._image_instead(
            "Parquet, Arrow and Hugging Face datasets are read by the training environment, which "
            "is not set up on this computer, or by a Docker image for training, of which there is "
            "none either.",
            "Set it up under Training, or with temper demo; other files need none.",
        )
        asked: tuple[str, ...] = ("file",)
        if source is not None:
            asked = ("hub", source.repo, source.config, source.split)
            asked += (source.held_out,) if source.held_out else ()
        token = None if source is None else self._token_for(source)
        if image and self._containers is not None:
            words = (_MODULE, *asked)
            return self._containers.exporter(image, words, token, network=source is not None)
        environment = self._environment()
        environment |= LIBRARIES_OFFLINE if source is None else {}
        environment |= dict.fromkeys(TOKEN_VARIABLES, token) if token else {}
        argv = (str(self._runtime.python), "-m", _MODULE, *asked)
        return Exporter(argv, environment, is_source=source is not None)

    def parquet_writer(self) -> Exporter:
        """The other way: JSON Lines on its standard input become Parquet on its output.

        AppError("runtime_missing") where the environment is missing.
        """
        image = self._image_instead(
            "Parquet is written by the training environment, which is not set up on this computer, "
            "or by a Docker image for training, of which there is none either.",
            "Set it up under Training, or with temper demo; or export JSON Lines (.jsonl).",
        )
        if image and self._containers is not None:
            return self._containers.writer(image, _WRITER)
        argv = (str(self._runtime.python), "-m", _WRITER)
        return Exporter(argv, self._environment() | LIBRARIES_OFFLINE, is_source=False)

    def _image_instead(self, message: str, hint: str) -> str:
        """The image to work in where the managed environment is not there; empty where it is.

        AppError("runtime_missing") with these words where there is neither.
        """
        if self._runtime.is_ready():
            return ""
        image = self._containers.image() if self._containers is not None else ""
        if not image:
            raise AppError("runtime_missing", message, hint)
        return image

    def _environment(self) -> dict[str, str]:
        environment = worker_environment(os.environ, self._code().folder, self._data_root())
        # A json.py in the folder that the program was started in is none of ours.
        return environment | NO_TELEMETRY | {"PYTHONSAFEPATH": "1"}

    def _token_for(self, source: HubSource) -> str | None:
        if self._offline.is_offline():
            raise AppError(
                "offline",
                f"Offline mode is on, so {source.repo} cannot be fetched.",
                "Switch it off, or import a file.",
            )
        if not dataset_problems(source.repo, _none):
            return None
        token = self._hf_token()
        problems = dataset_problems(source.repo, lambda: token)
        if problems:
            found = problems[0]
            kind = "auth" if "gated" in found.message else "not_found"
            raise AppError(kind, f"{source.repo} {found.message}", found.remedy)
        return token


def _none() -> str | None:
    return None
