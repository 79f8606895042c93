"""Writes a bundle: all that some configurations need, in one file, for a computer without a net."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydantic import ValidationError

from models.domain.errors import AppError
from models.domain.offline_ready import ExportedBundle
from services.environment.folder_lock import folder_lock
from services.offline_bundle.archive import ByteMeter, disk_failure, write_bundle
from services.offline_bundle.fat import is_too_large, refuse_too_large, too_large
from services.offline_bundle.gathering import Gatherer
from services.offline_bundle.manifest import PYTHON, Manifest
from services.offline_bundle.packing import needs_python
from services.offline_bundle.room import need_room
from services.progress import Progress
from services.web import program_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from services.job_builder import JobBuilder
    from services.offline_bundle.gathering import Gathered
    from services.offline_bundle.means import BundleMeans
    from services.progress import CancelToken, Reporter

_LOCK = ".lock"
_WAITING = Progress(None, "Another Temper is exporting; waiting for it")


class BundleExporter:
    """Blocking; needs no network. ``scratch`` is a folder of its own, gone when all went well."""

    def __init__(self, means: BundleMeans, builder: JobBuilder, scratch: Path) -> None:
        self._means = means
        self._builder = builder
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
        and AppError: ``exists``, ``not_found``, ``runtime_missing``, ``disk_full``,
        ``too_large``, ``io``.
        """
        _refuse_target(target, replace=replace)
        chosen = self._chosen(names)
        try:
            with folder_lock(self._scratch / _LOCK, cancel, lambda: report(_WAITING)):
                _refuse_target(target, replace=replace)  # another one may have made it meanwhile
                made = self._write(
                    target, chosen, report, cancel, with_environment=with_environment
                )
                shutil.rmtree(self._scratch, ignore_errors=True)
        except OSError as error:
            raise disk_failure(error, "making the bundle") from error
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
        found = self._gathered(chosen, with_images=with_environment)
        self._need_room(target, found)
        images, sources = self._means.images.pack(found.images, self._scratch, report, cancel)
        found.sources |= sources
        environment = None
        if with_environment and found.needs_environment:
            environment, sources = self._means.packer.pack(self._scratch, report, cancel)
            found.sources |= sources
        report(Progress(None, "Reading what is to travel"))
        try:
            manifest = Manifest(
                program=program_version(),
                environment=environment,
                images=images,
                repos=list(found.repos.values()),
                datasets=list(found.datasets.values()),
                configs=found.configs,
                files=found.files(cancel),
            )
        except ValidationError as error:
            raise _no_place(error) from error
        total = sum(file.size for file in manifest.files)
        refuse_too_large(target.parent, total)
        meter = ByteMeter("Writing the bundle", total, report, cancel)
        try:
            write_bundle(target, manifest, found.sources, meter, self._clear)
        except AppError as error:
            if isinstance(error.__cause__, OSError) and is_too_large(error.__cause__):
                raise too_large(target.parent, "no larger file") from error
            raise
        advice = ""
        if environment is not None:
            advice = needs_python(environment, brings_one=PYTHON in found.sources)
        return ExportedBundle(
            str(target), target.stat().st_size, tuple(name for name, _ in chosen), advice
        )

    def _gathered(
        self, chosen: Sequence[tuple[str, TrainingConfig]], *, with_images: bool
    ) -> Gathered:
        find_image = self._means.images.find if with_images else None
        gatherer = Gatherer(self._builder, self._means.library, self._scratch, find_image)
        gatherer.add_all(chosen)
        return gatherer.found

    def _need_room(self, target: Path, found: Gathered) -> None:
        images = self._means.images.files(found.images, self._scratch)
        need_room(target, self._scratch, found.sources.values(), images)

    def _clear(self) -> None:
        """Take away what the bundle was made of. The lock stays: others may be waiting for it."""
        for path in self._scratch.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink()

    def _chosen(self, names: Sequence[str]) -> list[tuple[str, TrainingConfig]]:
        saved = [self._means.configs.entry(name) for name in names] or self._means.configs.list()
        if not saved:
            raise AppError(
                "not_found",
                "There is no saved configuration to export.",
                "Save one first, in the window or with temper config save.",
            )
        return [(one.name, self._means.configs.get(one.name)) for one in saved]


def _no_place(error: ValidationError) -> AppError:
    reason = error.errors(include_url=False, include_input=False)[0]["msg"]
    return AppError(
        "bad_name",
        f"Something of it has no place in a bundle: {reason}.",
        "Give it a shorter or plainer name, then export again.",
        str(error),
    )


def _refuse_target(target: Path, *, replace: bool) -> None:
    if target.exists() and not replace:
        message = f"{target} is there already."
        raise AppError("exists", message, "Choose another name, or delete it first.")
    if not target.parent.is_dir():
        message = f"{target} cannot be written: there is no folder {target.parent}."
        raise AppError("io", message, "Make that folder first, or choose another place.")
