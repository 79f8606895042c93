"""Builds what carries a setup to a computer without a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.paths import code_root
from services.docker.carrying import ImageCarrier
from services.memory_probe import MemoryProbe
from services.offline import OfflinePolicy
from services.offline_bundle.exporting import BundleExporter
from services.offline_bundle.images import ImagePacker
from services.offline_bundle.importing import BundleImporter
from services.offline_bundle.means import BundleMeans
from services.offline_bundle.packing import EnvironmentPacker
from services.offline_ready import OfflineMeans, OfflineReadiness

if TYPE_CHECKING:
    from pathlib import Path

    from app.build_base import Base
    from app.build_runs import Trainings
    from app.build_stores import Stores
    from services.models.library import ModelLibrary
    from services.worker_places import WorkerPlaces


@dataclass(frozen=True, slots=True)
class Bundles:
    """The two ends of a bundle's way, and what makes ready for it."""

    exporter: BundleExporter
    importer: BundleImporter
    readiness: OfflineReadiness


def build_bundles(
    base: Base, stores: Stores, trainings: Trainings, places: WorkerPlaces, models: ModelLibrary
) -> Bundles:
    """Nothing is read or written yet. ``places`` are those of the program's own measurements."""
    trainer = code_root() / "trainer_image"
    packer = EnvironmentPacker(
        base.runtime, trainer / "requirements.txt", trainer / "requirements.lock"
    )
    images = ImagePacker(ImageCarrier(stores.images))
    means = BundleMeans(stores.configs, stores.library, packer, images)
    out, back = bundle_folders(base.scratch)
    builder = trainings.builder
    # Its dry runs are offline whatever the switch says.
    offline = replace(places, offline=OfflinePolicy(forced=True))
    probe = MemoryProbe(
        builder,
        trainings.runs.starter,
        stores.library,
        offline.place,
        stores.peaks,
        lambda: True,
    )
    needed = OfflineMeans(base.runtime, stores.images, models, probe)
    return Bundles(
        BundleExporter(means, builder, out),
        BundleImporter(means, base.data_root, back),
        OfflineReadiness(base.database, stores.configs, stores.library, builder, needed),
    )


def bundle_folders(scratch: Path) -> tuple[Path, Path]:
    """Where bundles are made and where they are taken in; each holds a lock meanwhile."""
    return scratch / "export", scratch / "import"
