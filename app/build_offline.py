"""Builds what carries a setup to a computer without a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.paths import code_root
from services.offline_bundle.exporting import BundleExporter
from services.offline_bundle.importing import BundleImporter
from services.offline_bundle.packing import EnvironmentPacker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.environment.runtime_env import RuntimeEnvironment
    from services.job_builder import JobBuilder


@dataclass(frozen=True, slots=True)
class Bundles:
    """The two ends of a bundle's way."""

    exporter: BundleExporter
    importer: BundleImporter


@dataclass(frozen=True, slots=True)
class BundleParts:
    """What bundles are made of. ``scratch`` is a folder of their own, on the disk of the home."""

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
    return Bundles(
        BundleExporter(
            parts.configs, parts.library, parts.builder, packer, parts.scratch / "export"
        ),
        BundleImporter(
            parts.configs, parts.library, parts.data_root, packer, parts.scratch / "import"
        ),
    )
