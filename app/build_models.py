"""Builds what knows and changes the base models of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.paths import resource
from models.domain.config import RUNTIME_RUNPOD
from models.domain.run import RunState
from services.models.inventory import Inventory
from services.models.library import ModelLibrary
from services.models.users import ModelUsers
from services.storage.process_use import models_in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from models.domain.run import Run
    from services.offline import OfflinePolicy
    from services.run_records import RunRecords

_MOST_LIVE = _MOST_LOST = 1000


def build_models(
    data_root: Callable[[], Path],
    offline: OfflinePolicy,
    hf_token: Callable[[], str | None],
    records: RunRecords,
    loaded: Callable[[], str] = str,
) -> ModelLibrary:
    """The library of models. A run that trains, waits or is lost keeps its base model from being
    removed, and so does trying it: ``loaded`` names what is in memory; and so does a process that
    another program has started in the same data folder."""

    def users() -> ModelUsers:
        live = records.newest(_MOST_LIVE, live_only=True)
        here = [run for run in live if run.runtime != RUNTIME_RUNPOD]
        later = [*(run for run in live if run.runtime == RUNTIME_RUNPOD), *records.waiting()]
        lost = [run for run in records.newest(_MOST_LOST) if run.state is RunState.LOST]
        training = _names(here) | set(models_in_use(data_root()))
        return ModelUsers(training, _names(later), _names(lost), {loaded()} - {""})

    inventory = Inventory(resource("base_models.toml"), data_root)
    return ModelLibrary(inventory, offline, hf_token, users)


def _names(runs: Iterable[Run]) -> set[str]:
    # Of a model's folder the run knows the real place: its data folder may be another one.
    return {name for run in runs for name in (run.base_model, run.config.hp.base_model.strip())}
