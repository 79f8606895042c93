"""Takes in a bundle: models, datasets, the training environment, and configurations last."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from models.db.repository import is_variant
from models.domain.errors import AppError
from models.domain.offline_ready import ImportedBundle
from services.config_files import config_of_bytes, write_whole
from services.config_secrets import refuse_secrets
from services.environment.folder_lock import folder_lock
from services.hub_cache import hub_cache
from services.models.cached import is_cached_model
from services.models.layout import has_hash
from services.offline_bundle.archive import BundleReader, ByteMeter, disk_failure, part_of
from services.offline_bundle.manifest import bad_bundle
from services.offline_bundle.room import need_room_to_import
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from services.offline_bundle.manifest import BundledFile, BundledImage, BundledRepo
    from services.offline_bundle.means import BundleMeans
    from services.progress import CancelToken, Reporter


class BundleImporter:
    """Blocking; needs no network. ``scratch`` keeps what is on its way when it is cut."""

    def __init__(self, means: BundleMeans, data_root: Callable[[], Path], scratch: Path) -> None:
        self._configs = means.configs
        self._library = means.library
        self._packer = means.packer
        self._images = means.images
        self._data_root = data_root
        self._scratch = scratch

    def bring_in(
        self, path: Path, report: Reporter, cancel: CancelToken, *, with_environment: bool = True
    ) -> ImportedBundle:
        """Import all of it; what an earlier attempt has brought is kept.

        Raises AppError: ``not_found``, ``bad_bundle``, ``cut_short``, ``newer_version``,
        ``other_computer``, ``exists``, ``disk_full``; Cancelled.
        """
        try:
            return self._bring_in(path, report, cancel, with_environment=with_environment)
        except OSError as error:
            raise disk_failure(error, "importing the bundle") from error

    def _bring_in(
        self, path: Path, report: Reporter, cancel: CancelToken, *, with_environment: bool
    ) -> ImportedBundle:
        with BundleReader(path) as bundle:
            visit = _Visit(bundle, self._data_root(), self._scratch, report, cancel)
            configs = visit.read_configs()
            environment = bundle.manifest.environment if with_environment else None
            if environment is not None and not self._packer.runtime.is_ready():
                self._packer.refuse_other(environment, path.name)
            images = bundle.manifest.images if with_environment else []
            self._images.refuse_other(images, path.name)
            with folder_lock(self._scratch / ".lock", cancel, visit.say_waiting):
                wants_environment = environment is not None and not self._packer.runtime.is_ready()
                visit.need_room(self._passing(visit, images), with_environment=wants_environment)
                visit.bring_models()
                references = self._bring_datasets(visit)
                if environment is not None and not self._packer.runtime.is_ready():
                    folder = visit.bring_environment()
                    self._packer.make(environment, folder, report, cancel)
                named = {one.name: self._bring_image(visit, one) for one in images}
                saved = self._save(
                    [(name, _as_here(config, named, references)) for name, config in configs]
                )
                shutil.rmtree(self._scratch, ignore_errors=True)
        return ImportedBundle(
            configs=saved,
            models=tuple(visit.models),
            datasets=tuple(dict.fromkeys(references.values())),
            has_environment=self._packer.runtime.is_ready(),
            images=tuple(named.values()),
        )

    def _passing(self, visit: _Visit, images: Sequence[BundledImage]) -> set[str]:
        """The rows and images that are not here, by their files in the bundle."""
        sessions = [one.session() for one in visit.bundle.manifest.datasets]
        rows = {one.sha256 for one in sessions if not self._library.has_rows(one)}
        files = {one.path for one in images if not self._images.is_here(one)}
        return files | {f"datasets/{sha256}.jsonl" for sha256 in rows}

    def _bring_image(self, visit: _Visit, image: BundledImage) -> str:
        """The name that it has here."""
        if not self._images.is_here(image):
            file = visit.bring_image(image)
            self._images.load(image, file, visit.report, visit.cancel)
            file.unlink()
        return self._images.named(image)

    def _bring_datasets(self, visit: _Visit) -> dict[str, str]:
        """The datasets' names in the bundle, and here."""
        references = {}
        for one in visit.bundle.manifest.datasets:
            session = one.session()
            rows = visit.bring_rows(session.sha256) if not self._library.has_rows(session) else None
            taken = self._library.take_in(session, rows)
            references[session.reference] = taken.reference
        return references

    def _save(self, named: Sequence[tuple[str, TrainingConfig]]) -> tuple[str, ...]:
        """Store those that are not here yet, all at once; the names that they have here."""
        known = {name: self._kept_as(name, config) for name, config in named}
        fresh = [one for one in named if not known[one[0]]]
        added = self._configs.add_all(fresh) if fresh else ()
        known |= {name: saved.name for (name, _), saved in zip(fresh, added, strict=True)}
        return tuple(known.values())

    def _kept_as(self, name: str, config: TrainingConfig) -> str:
        """The name under which an earlier attempt has stored the very same; empty for none."""
        for saved in self._configs.list():
            with suppress(AppError):  # one that cannot be read is another one
                if is_variant(saved.name, name) and self._configs.get(saved.name) == config:
                    return saved.name
        return ""


class _Visit:
    """One import of one open bundle."""

    def __init__(
        self, bundle: BundleReader, root: Path, scratch: Path, report: Reporter, cancel: CancelToken
    ) -> None:
        self.bundle = bundle
        self.models: list[str] = []
        self._root = root
        self._scratch = scratch
        self.report = report
        self.cancel = cancel
        total = sum(file.size for file in bundle.manifest.files)
        self._meter = ByteMeter("Importing the bundle", total, report, cancel)

    def say_waiting(self) -> None:
        """Another program imports at this moment."""
        self.report(Progress(None, "Another Temper is importing; waiting for it"))

    def read_configs(self) -> list[tuple[str, TrainingConfig]]:
        """The configurations, read and checked before anything is written."""
        files = {file.path: file for file in self.bundle.manifest.files}
        found = []
        for one in self.bundle.manifest.configs:
            config = config_of_bytes(self.bundle.content(files[one.path]), one.name)
            refuse_secrets(config)
            found.append((one.name, config))
        return found

    def need_room(self, files: Collection[str], *, with_environment: bool) -> None:
        """AppError("disk_full") where the models and these files, which pass through, have no room
        all together."""
        manifest, cache = self.bundle.manifest, hub_cache(self._root)
        wanted = [(self._root / one.path, one.size) for one in manifest.below("models")]
        for one in manifest.below("hub"):
            wanted.append((cache / one.path.removeprefix("hub/"), one.size))
        passing = [one for one in manifest.files if one.path in files]
        wanted += [(self._scratch / one.path, one.size) for one in passing]
        if with_environment:
            folder = self._wheels_folder()
            wanted += [(folder / one.path, one.size) for one in manifest.below("environment")]
        need_room_to_import(wanted)

    def bring_models(self) -> None:
        """Models of the Hub into the cache of the trainer's libraries, others beside them.

        Where a folder is another model's, that is found before anything is written there."""
        members = self.bundle.manifest.below("models")
        lacking = [one for one in members if not self._is_there(one)]
        for member in lacking:
            self.bundle.take_out(member, self._root / member.path, self._meter.add)
        self.models += sorted({file.path.split("/")[1] for file in members})
        cache = hub_cache(self._root)
        for member in self.bundle.manifest.below("hub"):
            self._bring_blob(member, cache / member.path.removeprefix("hub/"))
        for repo in self.bundle.manifest.repos:
            _make_snapshot(cache / repo.folder, repo, keeps=is_cached_model(repo.repo, self._root))
            self.models.append(repo.repo)

    def _bring_blob(self, member: BundledFile, target: Path) -> None:
        """A file of the Hub, whose name tells its content: one that is damaged gives way."""
        try:
            self.bundle.take_out(member, target, self._meter.add)
        except AppError as error:
            if error.kind != "exists" or has_hash(target, target.name, self._look_up):
                raise
            target.unlink()
            self.bundle.take_out(member, target, self._meter.add)

    def _look_up(self, _count: int) -> None:
        self.cancel.raise_if_cancelled()

    def _is_there(self, member: BundledFile) -> bool:
        found = self.bundle.is_there(member, self._root / member.path)
        self._meter.add(member.size if found else 0)
        return found

    def bring_rows(self, sha256: str) -> Path:
        """The rows of a dataset, for the library to take."""
        member = next(
            file for file in self.bundle.manifest.files if file.path == f"datasets/{sha256}.jsonl"
        )
        if member.sha256 != sha256:
            raise bad_bundle(self.bundle.path.name, f"{member.path} has another hash than its name")
        target = self._scratch / member.path
        self.bundle.take_out(member, target, self._meter.add)
        return target

    def bring_image(self, image: BundledImage) -> Path:
        """The archive of an image, for an engine to take."""
        member = next(one for one in self.bundle.manifest.files if one.path == image.path)
        target = self._scratch / member.path
        self.bundle.take_out(member, target, self._meter.add)
        return target

    def bring_environment(self) -> Path:
        """The packages; the folder that they are in."""
        folder = self._wheels_folder()
        for member in self.bundle.manifest.below("environment"):
            self.bundle.take_out(member, folder / member.path, self._meter.add)
        return folder / "environment"

    def _wheels_folder(self) -> Path:
        """Where nothing of another bundle lies whose import was cut."""
        members = self.bundle.manifest.below("environment")
        told = "".join(sorted(f"{member.path} {member.sha256}\n" for member in members))
        return self._scratch / hashlib.sha256(told.encode()).hexdigest()[:16]


def _as_here(
    config: TrainingConfig, images: dict[str, str], datasets: dict[str, str]
) -> TrainingConfig:
    """The configuration with its image and its dataset by the names that they have here."""
    image, session = config.local.image, config.dataset.session
    return replace(
        config,
        local=replace(config.local, image=images.get(image, image)),
        dataset=replace(config.dataset, session=datasets.get(session, session)),
    )


def _make_snapshot(folder: Path, repo: BundledRepo, *, keeps: bool) -> None:
    """What the Hub's own library makes of a download: names that lead to the blobs, and the ref.

    The ref comes first, and ``config.json`` last: nothing passes for a model that cannot be used.
    ``keeps``: a revision that is used here already, and is whole, stays the one that is used.
    """
    ref = folder / "refs" / "main"
    ref.parent.mkdir(exist_ok=True)
    if not keeps:
        write_whole(ref, repo.revision)
    snapshot = folder / "snapshots" / repo.revision
    for name, blob in repo.files.items():
        path = snapshot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _link(folder / "blobs" / blob, path)


def _link(blob: Path, path: Path) -> None:
    path.unlink(missing_ok=True)  # a link that leads nowhere
    try:
        path.symlink_to(os.path.relpath(blob, path.parent))
    except OSError:  # Windows, where not everybody may
        part = part_of(path)
        shutil.copyfile(blob, part)
        part.replace(path)
