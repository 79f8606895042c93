"""The rules of a configuration: every problem at once, each with its field, value and remedy."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from models.domain.config import (
    RUNTIME_DOCKER,
    SOURCE_HUB,
    SOURCE_SESSION,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import get_value, settings_index
from models.domain.container_rules import container_problems, devices_problem
from models.domain.errors import Problem
from models.domain.methods import method_problems
from models.domain.start_fixes import ANOTHER_DATASET, ANOTHER_MODEL
from trainer_image.row_formats import DatasetFormat, fitting, misfit

if TYPE_CHECKING:
    from collections.abc import Iterator


_QUANTISED_NAMES = ("-bnb-4bit", "-bnb-8bit", "-awq", "-gptq", "-fp8")
"""How the names of models end that the Hub holds in quantised form."""


def validate(config: TrainingConfig, processes: int = 1) -> list[Problem]:
    """All that is wrong with the values of this configuration; empty when nothing is.

    ``processes`` are those that would train together (:func:`processes_of`).

    Only what the values themselves tell: whether files, models or networks are there is asked by
    the services when a run starts. The section of the other target is not looked at.
    """
    problems = _range_problems(config)
    checks = (
        _dataset, _output, _model, _resuming, _hub, _evaluation, _tuning, _runpod, _container,
    )  # fmt: skip
    for check in checks:
        problems.extend(check(config))
    problems.extend(method_problems(config.hp, processes))
    return problems


def dataset_problems(config: TrainingConfig, format_: str) -> list[Problem]:
    """What the format of the chosen dataset forbids, at the dataset and at the method."""
    rows, method = DatasetFormat(format_), config.hp.method
    wrong, remedy = misfit(rows, method), fitting(rows)
    if not wrong:
        return []
    return [
        Problem("dataset.session", config.dataset.session, wrong, remedy),
        Problem("hp.method", method, "does not suit the dataset.", remedy),
    ]


def _range_problems(config: TrainingConfig) -> list[Problem]:
    other = "local." if config.training.target == TARGET_RUNPOD else "runpod."
    found = (
        info.rule.problem(path, get_value(config, path), info.kind)
        for path, info in settings_index().items()
        if not path.startswith(other)
    )
    return [problem for problem in found if problem is not None]


def _dataset(config: TrainingConfig) -> Iterator[Problem]:
    dataset = config.dataset
    if dataset.source == SOURCE_SESSION and not dataset.session.strip():
        remedy = "Choose or import a dataset."
        yield Problem("dataset.session", "", "is not chosen.", remedy, fix=ANOTHER_DATASET)
    if dataset.source == SOURCE_HUB and dataset.hf_repo.count("/") > 1:
        yield Problem("dataset.hf_repo", dataset.hf_repo, "is not a repo id.", "Use user/name.")
    if dataset.source == SOURCE_HUB and not dataset.hf_repo.strip():
        yield Problem("dataset.hf_repo", "", "is empty.", "Enter the dataset's repo id.")
    if dataset.source == SOURCE_HUB and not dataset.hf_split.strip():
        yield Problem("dataset.hf_split", "", "is empty.", "Enter a split such as train.")


def _output(config: TrainingConfig) -> Iterator[Problem]:
    directory = config.output.directory
    if not _is_under_data(directory):
        yield Problem(
            "output.directory",
            directory,
            "must be a folder under /data, the part of the disk that outlives the container.",
            "Use for example /data/outputs/my_run.",
        )


def _model(config: TrainingConfig) -> Iterator[Problem]:
    if not config.hp.base_model.strip():
        remedy = "Choose a model or enter a repo id."
        yield Problem("hp.base_model", "", "is empty.", remedy, fix=ANOTHER_MODEL)


def _hub(config: TrainingConfig) -> Iterator[Problem]:
    if config.hp.push_to_hub and config.hp.hub_repo.count("/") != 1:
        yield Problem(
            "hp.hub_repo", config.hp.hub_repo, "must name the repo to push to.", "Use user/name."
        )


def _evaluation(config: TrainingConfig) -> Iterator[Problem]:
    measures = config.dataset.eval_percent > 0 or bool(config.dataset.eval_split)
    if config.hp.early_stopping is not None and not measures:
        yield Problem(
            "hp.early_stopping",
            str(config.hp.early_stopping),
            "needs a held-out part to measure.",
            "Set dataset.eval_percent above 0, or switch early stopping off.",
        )


def _tuning(config: TrainingConfig) -> Iterator[Problem]:
    hp = config.hp
    if hp.tuning == "full" and hp.quantization in {"4-bit", "8-bit"}:
        yield Problem(
            "hp.quantization",
            hp.quantization,
            "cannot be used with a full fine-tune: quantised weights do not learn.",
            "Use none, or tune with LoRA.",
        )
    if hp.tuning == "full" and hp.base_model.strip().lower().endswith(_QUANTISED_NAMES):
        yield Problem(
            "hp.base_model",
            hp.base_model,
            "is stored quantised, and quantised weights do not learn in a full fine-tune.",
            "Choose the model in 16 bits, or tune with LoRA.",
        )
    if hp.tuning == "LoRA" and not hp.lora_targets.strip():
        yield Problem("hp.lora_targets", "", "is empty.", "Use all-linear or module names.")


def _resuming(config: TrainingConfig) -> Iterator[Problem]:
    name = config.hp.resume_from.strip()
    if "/" in name and not _is_under_data(name):
        yield Problem(
            "hp.resume_from",
            name,
            "must be a checkpoint's name or a folder under /data.",
            "Use for example checkpoint-40.",
        )


def _runpod(config: TrainingConfig) -> Iterator[Problem]:
    if config.training.target != TARGET_RUNPOD:
        return
    runpod = config.runpod
    # The Community Cloud has no network volumes: there a name means nothing.
    volume = ("volume_name",) if runpod.cloud != "Community" else ()
    for name in (*volume, "template_name", "image"):
        if not str(getattr(runpod, name)).strip():
            yield Problem(f"runpod.{name}", "", "is empty.", "Enter a name.")


def _container(config: TrainingConfig) -> Iterator[Problem]:
    if config.training.target != TARGET_LOCAL:
        return
    if config.local.runtime == RUNTIME_DOCKER:
        yield from container_problems(config.local)
    devices = devices_problem(config.local.gpu_devices) if config.local.use_gpu else None
    if devices is not None:
        yield devices


def _is_under_data(directory: str) -> bool:
    path = PurePosixPath(directory)
    return (
        path.is_relative_to("/data") and path != PurePosixPath("/data") and ".." not in path.parts
    )
