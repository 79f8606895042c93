"""Builds what counts and cleans the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.storage.inventory import Places
from services.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from app.paths import AppPaths
    from models.db.database import Database
    from models.domain.docker import ImageInfo
    from services.datasets import DatasetLibrary
    from services.storage.forecast import StorageForecaster


@dataclass(frozen=True, slots=True)
class StorageParts:
    """What storage is made of. ``data_root`` is the data folder of setups that name none."""

    paths: AppPaths
    database: Database
    library: DatasetLibrary
    images: Callable[[], Sequence[ImageInfo]]
    data_root: Callable[[], Path]
    forecaster: StorageForecaster


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
    return Storage(parts.database, parts.library, places, parts.images, lock, parts.forecaster)
