"""The rules of a configuration: every problem at once, each with its field, value and remedy."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from models.domain.config import (
    RUNTIME_PYTHON,
    SOURCE_HUB,
    SOURCE_SESSION,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import get_value, settings_index
from models.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


def validate(config: TrainingConfig) -> list[Problem]:
    """All that keeps this configuration from being run; empty when it may start.

    Only what the values themselves tell: whether files, models or networks are there is asked by
    the services when a run starts.
    """
    problems = _range_problems(config)
    for check in (_dataset, _output, _model, _hub, _evaluation, _tuning, _target):
        problems.extend(check(config))
    return problems


def _range_problems(config: TrainingConfig) -> list[Problem]:
    found = (
        info.rule.problem(path, get_value(config, path), info.kind)
        for path, info in settings_index().items()
    )
    return [problem for problem in found if problem is not None]


def _dataset(config: TrainingConfig) -> Iterator[Problem]:
    dataset = config.dataset
    if dataset.source == SOURCE_SESSION and not dataset.session.strip():
        yield Problem("dataset.session", "", "is not chosen.", "Choose or import a dataset.")
    if dataset.source == SOURCE_HUB and dataset.hf_repo.count("/") > 1:
        yield Problem("dataset.hf_repo", dataset.hf_repo, "is not a repo id.", "Use user/name.")
    if dataset.source == SOURCE_HUB and not dataset.hf_repo.strip():
        yield Problem("dataset.hf_repo", "", "is empty.", "Enter the dataset's repo id.")
    if dataset.source == SOURCE_HUB and not dataset.hf_split.strip():
        yield Problem("dataset.hf_split", "", "is empty.", "Enter a split such as train.")


def _output(config: TrainingConfig) -> Iterator[Problem]:
    directory = config.output.directory
    path = PurePosixPath(directory)
    if not path.is_relative_to("/data") or path == PurePosixPath("/data") or ".." in path.parts:
        yield Problem(
            "output.directory",
            directory,
            "must be a folder under /data, the part of the disk that outlives the container.",
            "Use for example /data/outputs/my_run.",
        )


def _model(config: TrainingConfig) -> Iterator[Problem]:
    if not config.hp.base_model.strip():
        yield Problem("hp.base_model", "", "is empty.", "Choose a model or enter a repo id.")


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
    if hp.tuning == "LoRA" and not hp.lora_targets.strip():
        yield Problem("hp.lora_targets", "", "is empty.", "Use all-linear or module names.")


def _target(config: TrainingConfig) -> Iterator[Problem]:
    if config.training.target == TARGET_RUNPOD:
        yield Problem(
            "training.target",
            TARGET_RUNPOD,
            "cannot be started by this version.",
            f"Choose {TARGET_LOCAL}.",
        )
    elif config.local.runtime != RUNTIME_PYTHON:
        yield Problem(
            "local.runtime",
            config.local.runtime,
            "cannot be started by this version.",
            f"Choose {RUNTIME_PYTHON}.",
        )
