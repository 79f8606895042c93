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
    return HubSource(
        dataset.hf_repo.strip(),
        dataset.hf_config.strip(),
        dataset.hf_split.strip(),
        dataset.eval_split.strip(),
    )


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
    copied = replace(config.dataset, source=SOURCE_SESSION, eval_split=source.held_out)
    return replace(config, dataset=copied)


def split_problem(source: HubSource) -> Problem | None:
    """Why its held-out split cannot be fetched: in a copy each row is of one split only."""
    if source.held_out != source.split:
        return None
    message = "is the split that is trained on, too; a copy in the library cannot have both."
    return Problem("dataset.eval_split", source.held_out, message, "Hold out a share instead.")
