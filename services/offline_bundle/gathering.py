"""Finds the files that configurations need, and says under which names they travel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, SOURCE_HUB, SOURCE_SESSION, TARGET_RUNPOD
from models.domain.errors import AppError, ConfigError, Problem
from services.config_files import config_text
from services.hub_cache import cached_revision, hub_cache
from services.job_builder import is_local_model
from services.models.cached import folder_lacks, is_cached_model
from services.models.layout import hash_of
from services.offline_bundle.archive import file_sha256
from services.offline_bundle.manifest import (
    BundledConfig,
    BundledDataset,
    BundledFile,
    BundledRepo,
    is_misnamed,
    portable_name,
    safe_path,
)
from services.offline_dataset import on_library
from services.run_files import host_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.docker import ImageInfo
    from services.datasets import DatasetLibrary
    from services.job_builder import JobBuilder
    from services.progress import CancelToken

_LAST = ("config.json", "temper-import.json")
"""Without these a folder is no model, so they come when all else is there."""


@dataclass
class Gathered:
    """What travels: files by their names in the bundle, and what they are for."""

    sources: dict[str, Path] = field(default_factory=dict)
    repos: dict[str, BundledRepo] = field(default_factory=dict)
    folders: dict[Path, str] = field(default_factory=dict)
    datasets: dict[str, BundledDataset] = field(default_factory=dict)
    images: dict[str, ImageInfo] = field(default_factory=dict)
    needs_environment: bool = False
    configs: list[BundledConfig] = field(default_factory=list)

    def files(self, cancel: CancelToken) -> list[BundledFile]:
        """Each with its size and hash, which takes reading it. Cancelled."""
        found = []
        for name, path in self.sources.items():
            cancel.raise_if_cancelled()
            digest = file_sha256(path, lambda _count: cancel.raise_if_cancelled())
            if is_misnamed(name, digest):
                raise AppError(
                    "damaged",
                    f"{path} is damaged: its content is not what its name says.",
                    "Download the model again on the Models page, then export again.",
                )
            found.append(BundledFile(path=name, size=path.stat().st_size, sha256=digest))
        return found


class Gatherer:
    """Collects for one bundle. ``scratch`` is a folder for the files that are made for it,
    ``find_image`` looks for what containers are made of; None: images stay here."""

    def __init__(
        self,
        builder: JobBuilder,
        library: DatasetLibrary,
        scratch: Path,
        find_image: Callable[[str], ImageInfo] | None = None,
    ) -> None:
        self._builder = builder
        self._library = library
        self._scratch = scratch
        self._find_image = find_image
        self.found = Gathered()

    def add_all(self, named: Sequence[tuple[str, TrainingConfig]]) -> None:
        """Take in what these need; ConfigError names all that keeps them from being taken."""
        problems = [problem for name, config in named for problem in self._add(name, config)]
        if problems:
            raise ConfigError(problems)

    def _add(self, name: str, config: TrainingConfig) -> list[Problem]:
        config = on_library(config, self._library)
        problems, travels = _never_offline(config), config
        model = config.hp.base_model.strip()
        if config.dataset.source == SOURCE_SESSION:
            try:
                travels = self._with_dataset(travels)
            except AppError as error:
                problems.append(
                    Problem("dataset.session", config.dataset.session, error.message, error.hint)
                )
        try:
            travels = self._with_model(travels, model, self._builder.data_root(config))
        except AppError as error:
            problems.append(Problem("hp.base_model", model, error.message, error.hint))
        problems += self._add_place(config)
        if not problems:
            self._add_config(name, travels)
        return [replace(one, field=f"{name}, {one.field}") for one in problems]

    def _add_place(self, config: TrainingConfig) -> list[Problem]:
        """What it is run with: the environment, or an image, which only an engine can give."""
        if config.local.runtime != RUNTIME_DOCKER:
            self.found.needs_environment = True
        elif self._find_image is not None and config.local.image not in self.found.images:
            try:
                self.found.images[config.local.image] = self._find_image(config.local.image)
            except AppError as error:
                return [Problem("local.image", config.local.image, error.message, error.hint)]
        return []

    def _with_dataset(self, config: TrainingConfig) -> TrainingConfig:
        session = self._library.find(config.dataset.session)
        rows = self._library.rows_file(session)
        self.found.datasets[session.sha256 + session.name] = BundledDataset.of(session)
        self.found.sources[f"datasets/{session.sha256}.jsonl"] = rows
        return replace(config, dataset=replace(config.dataset, session=session.reference))

    def _with_model(self, config: TrainingConfig, model: str, root: Path) -> TrainingConfig:
        if not is_local_model(model):
            self._add_repo(model, root)
            return config
        folder = host_path(root, model)
        if not (folder / "config.json").is_file():
            raise AppError("not_found", f"There is no model in {folder}.", "Check the path.")
        if lacks := folder_lacks(folder):
            message = f"The model in {folder} is not whole: it has no {', '.join(lacks)}."
            raise AppError("not_found", message, "Choose a whole one.")
        inside = f"/data/models/{self._add_folder(folder.resolve())}"
        return replace(config, hp=replace(config.hp, base_model=inside))

    def _add_repo(self, repo: str, root: Path) -> None:
        if repo in self.found.repos:
            return
        if not is_cached_model(repo, root):
            raise AppError(
                "not_found",
                "is not on this computer, or not whole.",
                "Run temper offline prepare first, or train with it once.",
            )
        revision, folder = cached_revision(repo, root), f"models--{repo.replace('/', '--')}"
        snapshot = hub_cache(root) / folder / "snapshots" / revision
        files = {}
        for path in _ordered(snapshot):
            blob = hash_of(path) or file_sha256(path)
            files[path.relative_to(snapshot).as_posix()] = blob
            self.found.sources[f"hub/{folder}/blobs/{blob}"] = path
        self.found.repos[repo] = BundledRepo(
            repo=repo, folder=folder, revision=revision, files=files
        )

    def _add_folder(self, folder: Path) -> str:
        """The name that a model's folder travels under."""
        if folder in self.found.folders:
            return self.found.folders[folder]
        taken = {name.casefold() for name in self.found.folders.values()}
        own = portable_name(folder.name)
        names = (own, *(f"{own}-{number}" for number in range(2, len(taken) + 3)))
        name = next(name for name in names if name.casefold() not in taken)
        self.found.folders[folder] = name
        for path in _shown_in(folder):
            self.found.sources[f"models/{name}/{path.relative_to(folder).as_posix()}"] = path
        return name

    def _add_config(self, name: str, config: TrainingConfig) -> None:
        """The other computer keeps its data where it wants."""
        here = replace(config, local=replace(config.local, host_data_dir=""))
        inside = f"configs/{len(self.found.configs) + 1:03}.yaml"
        file = self._scratch / Path(inside).name
        file.write_text(config_text(here), encoding="utf-8")
        self.found.sources[inside] = file
        self.found.configs.append(BundledConfig(name=name, path=inside))


def _never_offline(config: TrainingConfig) -> list[Problem]:
    """What no bundle can help with."""
    problems = []
    if config.training.target == TARGET_RUNPOD:
        message = "cannot be reached by a computer without a network."
        problems.append(Problem("training.target", TARGET_RUNPOD, message, "Choose Local."))
    if config.dataset.source == SOURCE_HUB:
        problems.append(
            Problem(
                "dataset.source",
                SOURCE_HUB,
                "is read anew at each start, and the library has no copy of it.",
                "Run temper offline prepare first, or import it and choose it there.",
            )
        )
    if config.hp.resume_from.strip():
        message = "is a checkpoint of this computer, and no bundle takes one along."
        remedy = "Leave Resume from empty; on what a run made one can train on as its base model."
        problems.append(Problem("hp.resume_from", config.hp.resume_from, message, remedy))
    return problems


def _is_hidden(name: Path) -> bool:
    """A clone's ``.git`` may hold a token, and no library reads such files of a model."""
    return any(part.startswith(".") for part in name.parts)


def _shown_in(folder: Path) -> list[Path]:
    """The files of a model's folder that travel; AppError where other systems take two for one."""
    files = _ordered(folder, _is_hidden)
    known: dict[str, Path] = {}
    for path in files:
        other = known.setdefault(path.relative_to(folder).as_posix().casefold(), path)
        if other != path:
            message = f"{other.name!r} and {path.name!r} in {folder} are one name on other systems."
            raise AppError("bad_name", message, "Rename one of them, then export again.")
    return files


def _ordered(folder: Path, stays: Callable[[Path], bool] = lambda _name: False) -> list[Path]:
    """The files of a model, what makes it one last; AppError where one has no name elsewhere.
    ``stays``: by its name in the folder, what is left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if not stays(path.relative_to(folder))]
    for path in files:
        try:
            safe_path(path.relative_to(folder).as_posix())
        except ValueError as error:
            message = f"{path.name!r} in {folder} has a name that other systems do not allow."
            raise AppError("bad_name", message, "Rename that file.") from error
    return sorted(files, key=lambda path: path.parent == folder and path.name in _LAST)
