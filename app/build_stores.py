"""Builds what is kept and looked up: datasets, setups, images, what is known of models."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.paths import resource
from services.configs import ConfigStore
from services.dataset_import.container_exporting import ContainerExporters
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.docker.docker_logins import DockerLogins
from services.docker.images import ImageService
from services.docker.logins import LoginStore
from services.memory_records import MemoryRecords
from services.model_shapes import ModelShapes

if TYPE_CHECKING:
    from app.build_base import Base


@dataclass(frozen=True, slots=True)
class Stores:
    """``peaks`` are what finished runs measured of memory."""

    library: DatasetLibrary
    configs: ConfigStore
    images: ImageService
    shapes: ModelShapes
    peaks: MemoryRecords


def build_stores(base: Base) -> Stores:
    """What deleted datasets left behind is swept meanwhile."""
    configs = ConfigStore(base.database)
    logins = LoginStore(base.keychain, DockerLogins(os.environ, Path.home()))
    images = ImageService(base.engine, base.offline, logins, base.trainer, wanted=configs.images)
    library = _library(base, images)
    library.sweep()
    catalogue = resource("base_models.toml")
    shapes = ModelShapes(catalogue, base.data_root, base.offline, base.hf_token)
    return Stores(library, configs, images, shapes, MemoryRecords(base.database, shapes))


def _library(base: Base, images: ImageService) -> DatasetLibrary:
    containers = ContainerExporters(
        base.engine, images, base.install_id, base.place_code, base.data_root
    )
    exporters = TrainerExporters(
        base.runtime, base.place_code, base.data_root, base.offline, base.hf_token, containers
    )
    store = DatasetStore(base.paths.datasets)
    return DatasetLibrary(base.database, store, resource("samples/python-docs.jsonl"), exporters)
