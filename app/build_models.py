"""Builds what knows and changes the base models of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.paths import resource
from services.models.inventory import Inventory
from services.models.library import ModelLibrary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.offline import OfflinePolicy
    from services.run_records import RunRecords

_MOST_LIVE = 1000


def build_models(
    data_root: Callable[[], Path],
    offline: OfflinePolicy,
    hf_token: Callable[[], str | None],
    records: RunRecords,
) -> ModelLibrary:
    """The library of models. A run that trains or waits keeps its base model from being removed."""

    def in_use() -> set[str]:
        runs = [*records.newest(_MOST_LIVE, live_only=True), *records.waiting()]
        # Of a model's folder the run knows the real place: its data folder may be another one.
        return {name for run in runs for name in (run.base_model, run.config.hp.base_model.strip())}

    inventory = Inventory(resource("base_models.toml"), data_root)
    return ModelLibrary(inventory, offline, hf_token, in_use)
