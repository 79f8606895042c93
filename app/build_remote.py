"""Builds what runs trainings on rented pods."""

from __future__ import annotations

import atexit
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
from services.runpod.account import RunpodAccount

if TYPE_CHECKING:
    from app.build_base import Base
    from app.build_stores import Stores
    from models.domain.config import TrainingConfig


def build_remote(base: Base, stores: Stores) -> RemoteRunner:
    """The runner of rented pods, with its driver; nothing is driven yet. At the program's end,
    however it comes, what it drives is left to the next one."""
    tools = Tools(
        store=AttemptStore(base.database),
        records=base.records,
        account=RunpodAccount(base.secrets, base.offline),
        secrets=base.secrets,
        tokens=RunTokens(base.keychain, base.secrets.get),
        offline=base.offline,
        install_id=base.install_id.get,
        code=base.place_code,
        need=partial(_need, stores),
        expected=partial(expected_cost, stores.shapes, stores.library),
        image_needs=read_needs(base.trainer / "needs.txt", base.trainer / "requirements.txt"),
    )
    runner = RemoteRunner(RemoteDriver(tools))
    atexit.register(runner.driver.close)
    return runner


def _need(stores: Stores, config: TrainingConfig) -> int | None:
    """The predicted peak of memory on a GPU in bytes; None where the model is not known."""
    model = config.hp.base_model
    shape = stores.shapes.find(model, config.local.host_data_dir).shape
    if shape is None:
        return None
    factor = stores.peaks.factor(model, config.runpod.gpu.strip())
    return estimate_memory(config, shape, on_gpu=True, factor=factor).total
