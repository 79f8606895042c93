"""Builds what runs trainings on rented pods."""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from models.domain.memory import estimate_memory
from services.docker.image_needs import read_needs
from services.remote.driver import RemoteDriver
from services.remote.marks import RunTokens
from services.remote.quotes import expected_cost
from services.remote.runner import RemoteRunner
from services.remote.store import AttemptStore
from services.remote.work import Tools
from services.run_records import RunRecords
from services.runpod.account import RunpodAccount

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from services.datasets import DatasetLibrary
    from services.install_id import InstallId
    from services.keychain import Keychain
    from services.memory_records import MemoryRecords
    from services.model_shapes import ModelShapes
    from services.offline import OfflinePolicy
    from services.secrets import SecretStore
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class RemoteParts:
    """What remote runs are made with."""

    database: Database
    secrets: SecretStore
    keychain: Keychain
    offline: OfflinePolicy
    install_id: InstallId
    code: Callable[[], TrainerCode]
    shapes: ModelShapes
    peaks: MemoryRecords
    library: DatasetLibrary
    trainer: Path


def build_remote(parts: RemoteParts) -> RemoteRunner:
    """The runner of rented pods, with its driver; nothing is driven yet. At the program's end,
    however it comes, what it drives is left to the next one."""
    tools = Tools(
        store=AttemptStore(parts.database),
        records=RunRecords(parts.database),
        account=RunpodAccount(parts.secrets, parts.offline),
        secrets=parts.secrets,
        tokens=RunTokens(parts.keychain, parts.secrets.get),
        offline=parts.offline,
        install_id=parts.install_id.get,
        code=parts.code,
        need=partial(_need, parts.shapes, parts.peaks),
        expected=partial(expected_cost, parts.shapes, parts.library),
        image_needs=read_needs(parts.trainer / "needs.txt", parts.trainer / "requirements.txt"),
    )
    runner = RemoteRunner(RemoteDriver(tools))
    atexit.register(runner.driver.close)
    return runner


def _need(shapes: ModelShapes, peaks: MemoryRecords, config: TrainingConfig) -> int | None:
    """The predicted peak of memory on a GPU in bytes; None where the model is not known."""
    model = config.hp.base_model
    shape = shapes.find(model, config.local.host_data_dir).shape
    if shape is None:
        return None
    factor = peaks.factor(model, config.runpod.gpu.strip())
    return estimate_memory(config, shape, on_gpu=True, factor=factor).total
