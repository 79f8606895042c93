"""Builds what counts and cleans the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.build_offline import bundle_folders
from services.environment.runtime_env import EnvironmentState
from services.storage.inventory import Places
from services.storage.spare_finder import SpareFinder
from services.storage.spares import Workshop
from services.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from app.paths import AppPaths
    from models.db.database import Database
    from models.domain.docker import ImageInfo
    from services.datasets import DatasetLibrary
    from services.environment.runtime_env import RuntimeEnvironment
    from services.storage.forecast import StorageForecaster
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class StorageParts:
    """What storage is made of. ``data_root`` is the data folder of setups that name none,
    ``loaded`` the model in memory, ``scratch`` where bundles are made."""

    paths: AppPaths
    database: Database
    library: DatasetLibrary
    images: Callable[[], Sequence[ImageInfo]]
    data_root: Callable[[], Path]
    forecaster: StorageForecaster
    runtime: RuntimeEnvironment
    code: Callable[[], TrainerCode]
    loaded: Callable[[], str]
    scratch: Path


def build_storage(parts: StorageParts) -> Storage:
    """The disk as a whole; its lock is the one of deleting runs."""
    paths = parts.paths

    def places() -> Places:
        return Places(
            home=paths.home,
            database=paths.database,
            datasets=paths.datasets,
            runtime=paths.runtime,
            trainer_code=paths.trainer_code,
            data=parts.data_root(),
        )

    lock = paths.home / "deleting.lock"
    workshop = Workshop(
        code=lambda: parts.code().folder,
        is_outdated=lambda: parts.runtime.state() is EnvironmentState.OUTDATED,
        loaded=parts.loaded,
        bundle_locks=tuple(folder / ".lock" for folder in bundle_folders(parts.scratch)),
    )
    spares = SpareFinder(parts.database, places, workshop)
    return Storage(
        parts.database, parts.library, places, parts.images, lock, parts.forecaster, spares
    )
