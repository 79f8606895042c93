"""Builds what counts and cleans the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.build_offline import bundle_folders
from services.environment.runtime_env import EnvironmentState
from services.storage.inventory import Places
from services.storage.spare_finder import SpareFinder
from services.storage.spares import Workshop
from services.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.build_base import Base
    from app.build_stores import Stores
    from services.storage.forecast import StorageForecaster


def build_storage(
    base: Base, stores: Stores, forecaster: StorageForecaster, loaded: Callable[[], str]
) -> Storage:
    """The disk as a whole; ``loaded`` names the model that is in memory."""
    paths = base.paths

    def places() -> Places:
        return Places(
            home=paths.home,
            database=paths.database,
            datasets=paths.datasets,
            runtime=paths.runtime,
            trainer_code=paths.trainer_code,
            data=base.data_root(),
        )

    workshop = Workshop(
        code=lambda: base.place_code().folder,
        is_outdated=lambda: base.runtime.state() is EnvironmentState.OUTDATED,
        loaded=loaded,
        bundle_locks=tuple(folder / ".lock" for folder in bundle_folders(base.scratch)),
    )
    return Storage(
        base.database,
        stores.library,
        places,
        stores.images.list,
        base.deleting_lock,
        forecaster,
        SpareFinder(base.database, places, workshop),
    )
