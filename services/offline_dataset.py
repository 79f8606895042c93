"""The dataset of the library that stands for one of Hugging Face where there is no network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.domain.config import SOURCE_HUB, SOURCE_SESSION
from models.domain.dataset_import import HubSource
from models.domain.errors import AppError, Problem

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession
    from services.datasets import DatasetLibrary


def hub_source(config: TrainingConfig) -> HubSource | None:
    """What the setup reads from Hugging Face, as an import is asked for it; None: nothing."""
    dataset = config.dataset
    if dataset.source != SOURCE_HUB:
        return None
    return HubSource(dataset.hf_repo.strip(), dataset.hf_config.strip(), dataset.hf_split.strip())


def library_copy(library: DatasetLibrary, source: HubSource) -> DatasetSession | None:
    """The newest dataset of the library that was imported from there, with its rows."""
    found = (one for one in library.list() if one.source == str(source))
    return next((one for one in found if library.has_rows(one)), None)


def on_library(config: TrainingConfig, library: DatasetLibrary) -> TrainingConfig:
    """The setup as it trains without a network: on the library's copy of its Hub dataset.

    Only on the one that its ``dataset.session`` names, which is also what Offline mode shows in
    the window, and only where it was imported from that very place. Else the setup as it is.
    """
    source = hub_source(config)
    if source is None:
        return config
    try:
        named = library.find(config.dataset.session)
    except AppError:
        return config
    if named.source != str(source):
        return config
    return replace(config, dataset=replace(config.dataset, source=SOURCE_SESSION))


def split_problem(config: TrainingConfig) -> Problem:
    """Why a Hub setup with a held-out split of its own is not fetched: a copy has one split."""
    return Problem(
        "dataset.eval_split",
        config.dataset.eval_split,
        "is another split on Hugging Face, and a copy in the library has only the one that is "
        "trained on.",
        "Hold out a share instead.",
    )
