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
    from collections.abc import Callable
    from pathlib import Path

    from models.db.database import Database
    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.docker.images import ImageService
    from services.environment.runtime_env import RuntimeEnvironment
    from services.job_builder import JobBuilder
    from services.memory_records import MemoryRecords
    from services.models.library import ModelLibrary
    from services.run_starter import RunStarter
    from services.worker_places import WorkerPlaces


@dataclass(frozen=True, slots=True)
class Bundles:
    """The two ends of a bundle's way, and what makes ready for it."""

    exporter: BundleExporter
    importer: BundleImporter
    readiness: OfflineReadiness


@dataclass(frozen=True, slots=True)
class BundleParts:
    """What bundles are made of. ``scratch`` is a folder of their own, on the disk of the home.

    ``starter``, ``places`` and ``peaks`` are those of the program's own measurements.
    """

    database: Database
    images: ImageService
    models: ModelLibrary
    starter: RunStarter
    places: WorkerPlaces
    peaks: MemoryRecords
    configs: ConfigStore
    library: DatasetLibrary
    builder: JobBuilder
    runtime: RuntimeEnvironment
    data_root: Callable[[], Path]
    scratch: Path


def build_bundles(parts: BundleParts) -> Bundles:
    """Nothing is read or written yet."""
    trainer = code_root() / "trainer_image"
    packer = EnvironmentPacker(
        parts.runtime, trainer / "requirements.txt", trainer / "requirements.lock"
    )
    images = ImagePacker(ImageCarrier(parts.images))
    means = BundleMeans(parts.configs, parts.library, packer, images)
    out, back = bundle_folders(parts.scratch)
    return Bundles(
        BundleExporter(means, parts.builder, out),
        BundleImporter(means, parts.data_root, back),
        _readiness(parts),
    )


def bundle_folders(scratch: Path) -> tuple[Path, Path]:
    """Where bundles are made and where they are taken in; each holds a lock meanwhile."""
    return scratch / "export", scratch / "import"


def _readiness(parts: BundleParts) -> OfflineReadiness:
    """Its dry runs are offline whatever the switch says."""
    places = replace(parts.places, offline=OfflinePolicy(forced=True))
    probe = MemoryProbe(
        parts.builder, parts.starter, parts.library, places.place, parts.peaks, lambda: True
    )
    means = OfflineMeans(parts.runtime, parts.images, parts.models, probe)
    return OfflineReadiness(parts.database, parts.configs, parts.library, parts.builder, means)
