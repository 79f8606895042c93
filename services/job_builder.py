"""From a configuration to the trainer's job, with every check possible before a start."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import (
    OUTPUT_DIRECTORIES,
    SOURCE_HUB,
    SOURCE_SESSION,
    TARGET_LOCAL,
    TARGET_RUNPOD,
)
from models.domain.errors import AppError, ConfigError, Fix, Problem
from models.domain.start_fixes import (
    ANOTHER_DATASET,
    ANOTHER_FOLDER,
    ANOTHER_MODEL,
    DEFAULT_FOLDER,
    SET_TOKEN,
    SHOW_MODELS,
    TURN_OFFLINE_OFF,
)
from models.domain.validation import validate
from services.config_secrets import secret_problems
from services.hub_datasets import dataset_problems
from services.models.cached import cached_lacks, folder_lacks, is_shared_model
from services.run_files import host_path
from trainer_image.contract import DatasetSpec, Hyperparameters, Job
from trainer_image.row_formats import DatasetFormat, fitting, misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession
    from services.datasets import DatasetLibrary


_NAMED = 3
"""Files of a model that a refusal names."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A checked job with the local places it will use."""

    job: Job
    data_root: Path
    output: Path
    session: DatasetSession | None


class JobBuilder:
    """Checks a configuration against this computer and builds the job for it.

    ``default_data_root`` gives the folder for setups that name none; ``hf_token`` the user's token,
    and is asked only for a setup that needs one: a keychain may have to be unlocked for it.
    ``processes`` says with how many GPUs a setup trains.
    """

    def __init__(
        self,
        library: DatasetLibrary,
        default_data_root: Callable[[], Path],
        hf_token: Callable[[], str | None] = lambda: None,
        processes: Callable[[TrainingConfig], int] = lambda _: 1,
    ) -> None:
        self._library = library
        self.processes = processes
        self._default_data_root = default_data_root
        self._hf_token = hf_token

    def data_root(self, config: TrainingConfig) -> Path:
        """The folder that stands for ``/data`` in this configuration."""
        chosen = config.local.host_data_dir.strip()
        return Path(chosen).expanduser().resolve() if chosen else self._default_data_root()

    def plan(
        self,
        config: TrainingConfig,
        *,
        name: str,
        offline: bool,
        further: Sequence[Problem] = (),
        session: DatasetSession | None = None,
        asks_hub: bool = True,
    ) -> PlannedJob:
        """Build the job. ConfigError carries every problem found, of values and of places, and the
        ``further`` ones of whoever is to run it. ``session`` is the dataset where it is known
        already, so that its name need not be looked up."""
        data_root = self.data_root(config)
        problems = self.problems(config, offline=offline, further=further, asks_hub=asks_hub)
        session = session or self._session(config, problems)
        if problems:
            raise ConfigError(problems)
        job = build_job(
            config, session, name=name, offline=offline, processes=self.processes(config)
        )
        output = host_path(data_root, config.output.directory)
        return PlannedJob(job, data_root, output, session)

    def all_problems(
        self,
        config: TrainingConfig,
        *,
        offline: bool,
        further: Sequence[Problem] = (),
        asks_hub: bool = True,
    ) -> list[Problem]:
        """What :meth:`plan` would refuse; nothing is made."""
        problems = self.problems(config, offline=offline, further=further, asks_hub=asks_hub)
        self._session(config, problems)
        return problems

    def problems(
        self,
        config: TrainingConfig,
        *,
        offline: bool,
        further: Sequence[Problem] = (),
        asks_hub: bool = True,
    ) -> list[Problem]:
        """All that is in the way of this setup, but for what the library says of its dataset.
        ``asks_hub``: whether to ask the Hub for a dataset of its, which may take seconds."""
        data_root = self.data_root(config)
        problems = secret_problems(config)  # a run's setup is stored and written into its job
        online = offline_problems(config, data_root) if offline else []
        wrong = validate(config, self.processes(config))
        token = token_problems(config, self._hf_token, offline=offline)
        for found in (online, wrong, token, list(further)):
            known = {problem.field for problem in problems}
            problems += [problem for problem in found if problem.field not in known]
        if asks_hub and config.dataset.source == SOURCE_HUB and not offline and not problems:
            problems += dataset_problems(config.dataset.hf_repo.strip(), self._hf_token)
        known = {problem.field for problem in problems}  # a runner says more of its folder
        places = [*_place_problems(config, data_root), *_output_problems(config, data_root)]
        return problems + [problem for problem in places if problem.field not in known]

    def resume_problems(
        self, config: TrainingConfig, *, offline: bool, further: Sequence[Problem] = ()
    ) -> list[Problem]:
        """What is in the way of going on with a run whose job and files are there."""
        online = offline_problems(config, self.data_root(config)) if offline else []
        return [*further, *online]

    def _session(self, config: TrainingConfig, problems: list[Problem]) -> DatasetSession | None:
        dataset = config.dataset
        if dataset.source != SOURCE_SESSION or not dataset.session.strip():
            return None
        try:
            session = self._library.find(dataset.session)
        except AppError as error:
            problems.append(
                Problem(
                    "dataset.session", dataset.session, error.message, error.hint,
                    fix=ANOTHER_DATASET,
                )
            )  # fmt: skip
            return None
        if not self._library.has_rows(session):
            message = f"{session.name} has lost its rows: their file is no longer on the disk."
            remedy = "Import its file again, or choose another one."
            problems.append(
                Problem("dataset.session", dataset.session, message, remedy, fix=ANOTHER_DATASET)
            )
        format_ = DatasetFormat(session.format)
        wrong = misfit(format_, config.hp.method)
        if wrong:
            problems.append(
                Problem(
                    "dataset.session", session.name, wrong, fitting(format_), fix=ANOTHER_DATASET
                )
            )
        if dataset.eval_split and dataset.eval_split not in dict(session.splits):
            known = ", ".join(split for split, _ in session.splits) or "none"
            problems.append(
                Problem(
                    "dataset.eval_split",
                    dataset.eval_split,
                    f"is no split of {session.name}.",
                    f"Its splits: {known}.",
                    fix=Fix("Hold out a share instead", (("dataset.eval_split", ""),)),
                )
            )
        return session


def build_job(
    config: TrainingConfig,
    session: DatasetSession | None,
    *,
    name: str = "",
    offline: bool = False,
    processes: int = 1,
) -> Job:
    """The job of a checked configuration. ``session`` is its dataset of the library, or None for
    one of the Hub. Every setting that the trainer knows is in it.
    """
    return Job(
        run_id=new_run_id(),
        name=name,
        created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        base_model=job_model(config.hp.base_model.strip()),
        dataset=_dataset_spec(config, session),
        output_directory=config.output.directory,
        hp=Hyperparameters(**_without(asdict(config.hp), "base_model")),
        offline=offline,
        use_gpu=config.local.use_gpu or config.training.target != TARGET_LOCAL,
        processes=processes,
    )


def new_run_id() -> str:
    """A name that sorts by time and does not collide: ``20261123-171500-3fa9``."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def _dataset_spec(config: TrainingConfig, session: DatasetSession | None) -> DatasetSpec:
    dataset = config.dataset
    shares = {"eval_percent": dataset.eval_percent, "eval_split": dataset.eval_split}
    if session is None:
        return DatasetSpec(
            hf_repo=dataset.hf_repo,
            hf_split=dataset.hf_split,
            hf_config=dataset.hf_config,
            name=dataset.hf_repo,
            **shares,
        )
    return DatasetSpec(
        path=f"/data/datasets/{session.sha256}.jsonl",
        sha256=session.sha256,
        format=DatasetFormat(session.format),
        name=session.name,
        **shares,
    )


def token_problems(
    config: TrainingConfig, hf_token: Callable[[], str | None], *, offline: bool = False
) -> list[Problem]:
    """What is wrong with a setup that uses the Hugging Face token; others do not ask for it, and
    offline none does: nobody could be shown one."""
    if offline:
        return []
    pushes, is_local = config.hp.push_to_hub, config.training.target == TARGET_LOCAL
    passes = config.local.pass_hf_token and is_local
    problems = []
    if pushes and is_local and not passes:
        message = "must be on for Push to Hub: the training uploads with your token."
        remedy = "Tick it, or switch Push to Hub off."
        fix = Fix("Pass it", (("local.pass_hf_token", True),))
        problems.append(Problem("local.pass_hf_token", "", message, remedy, fix=fix))
    if (pushes or passes) and not hf_token():
        field = "hp.push_to_hub" if pushes else "local.pass_hf_token"
        message = "needs a Hugging Face token, and none is set."
        problems.append(Problem(field, "", message, "Set one under Settings.", fix=SET_TOKEN))
    return problems


def offline_problems(config: TrainingConfig, data_root: Path) -> list[Problem]:
    """All for which this setup would need the network, which Offline mode forbids."""
    online = "turn Offline mode off"
    problems = []
    if config.training.target == TARGET_RUNPOD:
        message = "cannot be reached: Offline mode is on."
        remedy = f"Choose {TARGET_LOCAL}, or {online}."
        fix = Fix("Train here", (("training.target", TARGET_LOCAL),))
        problems.append(Problem("training.target", TARGET_RUNPOD, message, remedy, fix=fix))
    if config.dataset.source == SOURCE_HUB:
        message = "cannot be reached: Offline mode is on."
        remedy = f"Choose {SOURCE_SESSION}, or {online}."
        fix = TURN_OFFLINE_OFF
        problems.append(Problem("dataset.source", SOURCE_HUB, message, remedy, fix=fix))
    if config.hp.push_to_hub:
        message = "uploads to Hugging Face, and Offline mode is on."
        fix, remedy = Fix("Do not upload", (("hp.push_to_hub", False),)), "Switch it off, or "
        problems.append(Problem("hp.push_to_hub", "on", message, f"{remedy}{online}.", fix=fix))
    model = config.hp.base_model.strip()
    on_hub = bool(model) and not is_local_model(model)
    if on_hub and config.training.target == TARGET_LOCAL:
        problems += _cache_problems(model, data_root, online)
    return problems


def _cache_problems(model: str, data_root: Path, online: str) -> list[Problem]:
    """Whether a training finds all of a repo's model here: weights alone are no use without their
    tokenizer."""
    lacks = cached_lacks(model, data_root)
    if lacks == ():
        return []
    message = "is not on this computer, and Offline mode is on."
    if lacks:
        message = f"is here without {_listed(lacks)}, and Offline mode is on."
    if is_shared_model(model):
        message = "is only in the Hugging Face cache of other programs, and Offline mode is on."
        remedy = "Download it on the Models page, which links its files without the network."
        return [Problem("hp.base_model", model, message, remedy, fix=SHOW_MODELS)]
    remedy = f"Choose a folder or a model that was used before, or {online} to download it."
    return [Problem("hp.base_model", model, message, remedy, fix=TURN_OFFLINE_OFF)]


def _place_problems(config: TrainingConfig, data_root: Path) -> list[Problem]:
    problems = []
    nearest = next((one for one in (data_root, *data_root.parents) if one.exists()), None)
    if nearest is None or not nearest.is_dir() or not os.access(nearest, os.W_OK):
        problems.append(
            Problem(
                "local.host_data_dir",
                str(data_root),
                "cannot be written.",
                "Choose a folder of yours.",
                fix=DEFAULT_FOLDER if config.local.host_data_dir.strip() else ANOTHER_FOLDER,
            )
        )
    model = config.hp.base_model.strip()
    if is_local_model(model):
        problems += _model_folder_problems(model, host_path(data_root, model))
    return problems


def _output_problems(config: TrainingConfig, data_root: Path) -> list[Problem]:
    """Whether the output directory can be made: something else may have one of its names."""
    if config.training.target != TARGET_LOCAL or not data_root.is_dir():
        return []
    output = host_path(data_root, config.output.directory)
    nearest = next(one for one in (output, *output.parents) if one.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return []
    message = f"cannot be written: {nearest} is {_what_is_there(nearest)}."
    usual = OUTPUT_DIRECTORIES[TARGET_LOCAL]
    fix = Fix("Use the usual one", (("output.directory", usual),))
    is_usual = config.output.directory.strip().rstrip("/") == usual
    return [
        Problem("output.directory", config.output.directory, message, "Choose another one.",
                fix=ANOTHER_FOLDER if is_usual else fix)
    ]  # fmt: skip


def _what_is_there(place: Path) -> str:
    return "a folder that you may not change" if place.is_dir() else "a file"


def is_local_model(model: str) -> bool:
    """Whether the text names a folder rather than a Hugging Face repo id."""
    return model.startswith(("/", "~", "./", "../", "\\")) or model[1:3] in {":\\", ":/"}


def local_model(model: str, data_root: Path) -> str:
    """The model as this computer names it: a folder's real place, or the repo id as it is."""
    return str(host_path(data_root, model)) if is_local_model(model) else model


def job_model(model: str) -> str:
    """The model as the trainer finds it: it has neither our home folder nor our working folder."""
    if not is_local_model(model) or model.startswith("/data/"):
        return model
    return str(Path(model).expanduser().absolute())


def _model_folder_problems(model: str, folder: Path) -> list[Problem]:
    if not folder.is_dir():
        message, remedy = f"There is no folder {folder}.", "Check the path."
        return [Problem("hp.base_model", model, message, remedy, fix=ANOTHER_MODEL)]
    if not (folder / "config.json").is_file():
        message = f"The folder {folder} holds no config.json, so it is not a model."
        remedy = "Choose the folder with config.json."
        return [Problem("hp.base_model", model, message, remedy, fix=ANOTHER_MODEL)]
    if lacks := folder_lacks(folder):
        message = f"The folder {folder} is not a whole model: it has no {_listed(lacks)}."
        remedy = "Put that there, or choose a model as save_pretrained leaves it."
        return [Problem("hp.base_model", model, message, remedy, fix=ANOTHER_MODEL)]
    return []


def _listed(names: Sequence[str]) -> str:
    """Some files by their names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _without(values: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in values.items() if key != name}
