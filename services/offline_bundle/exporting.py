"""Writes a bundle: all that some configurations need, in one file, for a computer without a net."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.offline_ready import ExportedBundle
from services.environment.folder_lock import folder_lock
from services.environment.uv_errors import os_failure
from services.offline_bundle.archive import ByteMeter, write_bundle
from services.offline_bundle.gathering import Gatherer
from services.offline_bundle.manifest import PYTHON, Manifest
from services.offline_bundle.packing import needs_python
from services.progress import Progress
from services.web import program_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.job_builder import JobBuilder
    from services.offline_bundle.images import ImagePacker
    from services.offline_bundle.packing import EnvironmentPacker
    from services.progress import CancelToken, Reporter

_WAITING = Progress(None, "Another Temper is exporting; waiting for it")


class BundleExporter:
    """Blocking; needs no network. ``scratch`` is a folder of its own, gone when all went well."""

    def __init__(
        self,
        configs: ConfigStore,
        library: DatasetLibrary,
        builder: JobBuilder,
        packer: EnvironmentPacker,
        images: ImagePacker,
        scratch: Path,
    ) -> None:
        self._configs = configs
        self._library = library
        self._builder = builder
        self._packer = packer
        self._images = images
        self._scratch = scratch

    def export(
        self,
        target: Path,
        names: Sequence[str],
        report: Reporter,
        cancel: CancelToken,
        *,
        with_environment: bool = True,
        replace: bool = False,
    ) -> ExportedBundle:
        """Write what the configurations of these ``names`` need, of all where none is named.

        An attempt that was cut is gone on with; a file that is there is only replaced, by a whole
        one, where ``replace`` says so. Raises ConfigError with all that cannot travel,
        and AppError: ``exists``, ``not_found``, ``runtime_missing``, ``disk_full``, ``io``.
        """
        if target.exists() and not replace:
            message = f"{target} is there already."
            raise AppError("exists", message, "Choose another name, or delete it first.")
        chosen = self._chosen(names)
        try:
            with folder_lock(self._scratch / ".lock", cancel, lambda: report(_WAITING)):
                made = self._write(
                    target, chosen, report, cancel, with_environment=with_environment
                )
                shutil.rmtree(self._scratch, ignore_errors=True)
        except OSError as error:
            raise os_failure(error, "making the bundle") from error
        return made

    def _write(
        self,
        target: Path,
        chosen: Sequence[tuple[str, TrainingConfig]],
        report: Reporter,
        cancel: CancelToken,
        *,
        with_environment: bool,
    ) -> ExportedBundle:
        find_image = self._images.find if with_environment else None
        gatherer = Gatherer(self._builder, self._library, self._scratch, find_image)
        gatherer.add_all(chosen)
        images, sources = self._images.pack(gatherer.found.images, self._scratch, report, cancel)
        gatherer.found.sources |= sources
        environment = None
        if with_environment and gatherer.found.needs_environment:
            environment, sources = self._packer.pack(self._scratch, report, cancel)
            gatherer.found.sources |= sources
        report(Progress(None, "Reading what is to travel"))
        found = gatherer.found
        manifest = Manifest(
            program=program_version(),
            environment=environment,
            images=images,
            repos=list(found.repos.values()),
            datasets=list(found.datasets.values()),
            configs=found.configs,
            files=found.files(cancel),
        )
        total = sum(file.size for file in manifest.files)
        meter = ByteMeter("Writing the bundle", total, report, cancel)
        write_bundle(target, manifest, found.sources, meter)
        advice = ""
        if environment is not None:
            advice = needs_python(environment, brings_one=PYTHON in found.sources)
        return ExportedBundle(
            str(target), target.stat().st_size, tuple(name for name, _ in chosen), advice
        )

    def _chosen(self, names: Sequence[str]) -> list[tuple[str, TrainingConfig]]:
        saved = [self._configs.entry(name) for name in names] or self._configs.list()
        if not saved:
            raise AppError(
                "not_found",
                "There is no saved configuration to export.",
                "Save one first, in the window or with temper config save.",
            )
        return [(one.name, self._configs.get(one.name)) for one in saved]
