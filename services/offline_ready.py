"""Makes configurations ready for a computer without a network, and knows which ones are.

What is said is looked up each time: the record of a dry run only counts while everything is still
what the dry run was made with.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, SOURCE_HUB, TARGET_LOCAL, TARGET_RUNPOD
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.offline_ready import SETUP, OfflineNeed, OfflineStatus
from services.config_files import config_text
from services.job_builder import is_local_model, offline_problems
from services.models.cached import content_of
from services.offline_dataset import hub_source, library_copy, on_library, split_problem
from services.progress import Progress
from services.start_checkpoint import checkpoint_problems, named_checkpoint

if TYPE_CHECKING:
    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.docker.images import ImageService
    from services.environment.runtime_env import RuntimeEnvironment
    from services.job_builder import JobBuilder
    from services.memory_probe import MemoryProbe
    from services.models.library import ModelLibrary
    from services.progress import CancelToken, Reporter

_KEY = "offline_ready:"
_NEVER = {
    "training.target": "trains on Runpod",
    "dataset.eval_split": "holds out the very split that it trains on",
    "hp.push_to_hub": "uploads to Hugging Face",
}
"""Settings with which no training is offline, in words."""


_FETCHED = {"hp.base_model", "dataset.source"}
"""Settings whose values come from the network, and can be fetched before."""


@dataclass(frozen=True, slots=True)
class OfflineMeans:
    """What fetches things, and what tries them: a ``probe`` that never uses the network."""

    runtime: RuntimeEnvironment
    images: ImageService
    models: ModelLibrary
    probe: MemoryProbe


class OfflineReadiness:
    """Blocking, thread-safe; knows no Qt."""

    def __init__(
        self,
        database: Database,
        configs: ConfigStore,
        library: DatasetLibrary,
        builder: JobBuilder,
        means: OfflineMeans,
    ) -> None:
        self._database = database
        self._configs = configs
        self._library = library
        self._builder = builder
        self._means = means

    def all(self) -> tuple[OfflineStatus, ...]:
        """Every saved configuration, newest first; one that cannot be read lacks itself."""
        return tuple(self.status(saved.name) for saved in self._configs.list())

    def once_ready(self) -> tuple[OfflineStatus, ...]:
        """Those that were made ready at some time, as they are now; the others are not looked at,
        so that it is quick where many are saved."""
        with self._database.unit_of_work() as uow:
            tried = uow.app_state.starting_with(_KEY)
        listed = [saved.name for saved in self._configs.list() if str(saved.id) in tried]
        found = []
        for name in listed:
            with suppress(AppError):  # deleted or renamed this very moment
                found.append(self.status(name))
        return tuple(found)

    def status(self, name: str) -> OfflineStatus:
        """How far it is, from what is on the disk now. AppError("not_found")."""
        saved = self._configs.entry(name)
        try:
            config = self._configs.get(saved.name)
        except AppError as error:
            return OfflineStatus(
                saved.name, (OfflineNeed(SETUP, "cannot be read", False, str(error)),)
            )
        needs = self._needs(config)
        checked = 0.0
        if all(need.is_here for need in needs):
            checked = self._checked_at(saved, self._mark(config))
        return OfflineStatus(saved.name, needs, checked)

    def prepare(self, name: str, report: Reporter, cancel: CancelToken) -> OfflineStatus:
        """Fetch what is missing, make a dry run with the network off, and remember that it went.

        What is here is not fetched again. Raises ConfigError with all that no fetching can mend,
        AppError with what went wrong, and Cancelled; what was fetched stays.
        """
        saved = self._configs.entry(name)
        config = self._configs.get(saved.name)
        if problems := self._lasting_problems(config):
            raise ConfigError(problems, saved.name)
        self._fetch_tools(config, report, cancel)
        saved, config = self._with_rows(saved, config, report, cancel)
        self._require_all(config)
        report(Progress(None, f"Trying {saved.name} with the network off"))
        tried, mark = on_library(config, self._library), self._mark(config)
        found = self._means.probe.measure(tried, report=report, cancel=cancel)
        if not found.fits:
            raise AppError(
                "does_not_fit",
                f"All that {saved.name} needs is here, but it does not fit this computer.",
                " ".join(found.advice) or found.message,
            )
        self._remember(saved, mark)
        return self.status(saved.name)

    def _with_rows(
        self, saved: SavedConfig, config: TrainingConfig, report: Reporter, cancel: CancelToken
    ) -> tuple[SavedConfig, TrainingConfig]:
        """Import what is read from the Hub, and name it in the configuration, where it counts only
        offline: the source that the user chose stays."""
        source = hub_source(config)
        if source is None or self._has_rows(config):
            return saved, config
        copy = library_copy(self._library, source)
        if copy is None:
            report(Progress(None, f"Importing {source.repo} into the library"))
            copy = self._library.import_file(source, report=report, cancel=cancel)
        config = replace(config, dataset=replace(config.dataset, session=copy.reference))
        return self._configs.amend(saved, config), config

    def _fetch_tools(self, config: TrainingConfig, report: Reporter, cancel: CancelToken) -> None:
        if config.local.runtime == RUNTIME_DOCKER:
            if self._means.images.find(config.local.image) is None:
                self._means.images.pull(
                    config.local.image,
                    lambda seen: report(Progress(seen.fraction, seen.message)),
                    cancel,
                )
        elif not self._means.runtime.is_ready():
            self._means.runtime.create(report, cancel)
        model = config.hp.base_model.strip()
        if not is_local_model(model) and not self._model(config).is_here:
            root = self._builder.data_root(config)
            self._means.models.download(model, report, cancel, data_root=root)

    def _require_all(self, config: TrainingConfig) -> None:
        missing = [need for need in self._needs(config) if not need.is_here]
        if missing:
            need = missing[0]
            raise AppError(
                "still_missing", f"{need.what} {need.name} is still not here.", need.remedy
            )

    def _needs(self, config: TrainingConfig) -> tuple[OfflineNeed, ...]:
        lasting = [
            OfflineNeed(SETUP, _NEVER.get(one.field, one.message), False, one.remedy)
            for one in self._lasting_problems(config)
        ]
        if config.training.target != TARGET_LOCAL:
            return tuple(lasting)
        needs = (*lasting, self._place(config), self._model(config), self._dataset(config))
        return (*needs, *self._checkpoint(config))

    def _checkpoint(self, config: TrainingConfig) -> tuple[OfflineNeed, ...]:
        """What it goes on from, where it names something."""
        root = self._builder.data_root(config)
        if named_checkpoint(config, root) is None:
            return ()
        problems = checkpoint_problems(config, root)
        remedy = "Leave Resume from empty, or name one that is here."
        name = config.hp.resume_from.strip()
        return (OfflineNeed("Checkpoint", name, not problems, remedy),)

    def _dataset(self, config: TrainingConfig) -> OfflineNeed:
        has_rows, source = self._has_rows(config), hub_source(config)
        if source is None or has_rows:
            remedy = "Import it into the library."
            return OfflineNeed("Dataset", config.dataset.session, has_rows, remedy)
        name, remedy = f"{source.repo} of Hugging Face", "Prepare imports it into the library."
        return OfflineNeed("Dataset", name, False, remedy)

    def _model(self, config: TrainingConfig) -> OfflineNeed:
        """The base model; of one that is here in part, what it lacks."""
        root = str(self._builder.data_root(config))
        found = self._means.models.inventory.is_complete(config.hp.base_model, root)
        name = config.hp.base_model.strip()
        if found.missing and found.is_here:
            name = f"{name} (without {', '.join(found.missing)})"
        if is_local_model(config.hp.base_model):
            return OfflineNeed("Model", name, found.is_complete, "Choose a whole model.")
        return OfflineNeed("Model", name, found.is_complete, "Download it on the Models page.")

    def _place(self, config: TrainingConfig) -> OfflineNeed:
        """What it is run with."""
        if config.local.runtime != RUNTIME_DOCKER:
            is_ready = self._means.runtime.is_ready()
            return OfflineNeed("Environment", "of the trainer", is_ready, "Set it up.")
        return OfflineNeed("Image", config.local.image, bool(self._image_id(config)), "Pull it.")

    def _image_id(self, config: TrainingConfig) -> str:
        """Empty where it is not here, or no engine answers."""
        try:
            found = self._means.images.find(config.local.image)
        except AppError:
            return ""
        return found.id if found is not None else ""

    def _has_rows(self, config: TrainingConfig) -> bool:
        """Whether the library has what it trains on, for a Hub dataset a copy of that."""
        config = on_library(config, self._library)
        if config.dataset.source == SOURCE_HUB:
            return False
        try:
            return self._library.has_rows(self._library.find(config.dataset.session))
        except AppError:
            return False

    def _lasting_problems(self, config: TrainingConfig) -> list[Problem]:
        """What no fetching can mend."""
        root = self._builder.data_root(config)
        found = offline_problems(config, root)
        lasting = [problem for problem in found if problem.field not in _FETCHED]
        source = hub_source(config)
        if source is not None and (problem := split_problem(source)) is not None:
            lasting.append(problem)
        if config.training.target == TARGET_RUNPOD:
            lasting = [problem for problem in lasting if problem.field == "training.target"]
        return [_here(problem) for problem in lasting]

    def _mark(self, config: TrainingConfig) -> str:
        """Changes with anything that a dry run has tried."""
        root = str(self._builder.data_root(config))
        model = self._means.models.inventory.is_complete(config.hp.base_model, root)
        is_docker = config.local.runtime == RUNTIME_DOCKER
        place: object = self._image_id(config) if is_docker else self._means.runtime.versions()
        rows = self._library.find(config.dataset.session).sha256
        parts = [config_text(config), place, model.revision, content_of(model), rows]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _checked_at(self, saved: SavedConfig, mark: str) -> float:
        with self._database.unit_of_work() as uow:
            record = uow.app_state.get(f"{_KEY}{saved.id}")
        if isinstance(record, dict) and record.get("mark") == mark:
            return float(record.get("at", 0.0))
        return 0.0

    def _remember(self, saved: SavedConfig, mark: str) -> None:
        with self._database.unit_of_work() as uow:
            uow.app_state.set(f"{_KEY}{saved.id}", {"mark": mark, "at": time.time()})
            uow.commit()


def _here(problem: Problem) -> Problem:
    """The problem as it stands while Offline mode may be off."""
    message = problem.message.replace("Offline mode is on", "there is no network then")
    remedy = problem.remedy.partition(", or ")[0].rstrip(".")
    return Problem(problem.field, problem.value, message, f"{remedy}.")
