"""A start with the program's own services, and all that may be missing for it."""

from __future__ import annotations

import json
import math
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import (
    RUNTIME_DOCKER,
    RUNTIME_PYTHON,
    RUNTIME_RUNPOD,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import with_values
from models.domain.errors import Problem
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.docker.engine import DockerEngine
from services.install_id import InstallId
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.run_records import RunRecords
from services.runners.docker import DockerRunner
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.start_needs import StartNeeds
from services.trainer_code import TrainerCode
from tests.emulators.hub_models import HubModels
from tests.emulators.server import Reply, Request
from tests.whole_model import lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 2.0
LOOKS = 5
GATED, OPEN, NOT_GRANTED, GGUF = "org/gated", "org/open", "org/others", "org/gguf"
GIGABYTE = 1_000_000_000


@dataclass
class World:
    """A computer on which all is there, until something is taken away."""

    home: Path
    service: RunService
    policy: SimpleNamespace
    hub: GatedHub
    values: dict[str, object] = field(default_factory=dict)
    token: str | None = "hf_granted"
    indexes: tuple[int, ...] = (0, 1)
    free: int = 100 * GIGABYTE

    def problems(self) -> list[Problem]:
        """What refuses a start now."""
        return self.service.problems(with_values(TrainingConfig(), self.values))


class GatedHub(HubModels):
    """The Hub, which also tells whether a token opens a model; those of ``closed`` none does."""

    closed: frozenset[str] = frozenset()

    def answer(self, request: Request) -> Reply:
        path = request.target.split("?")[0]
        if not path.endswith("/auth-check"):
            return super().answer(request) or Reply(404, b"{}")
        repo = path.removeprefix("/api/models/").removesuffix("/auth-check")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if repo in self.closed or (repo in self.gated and token not in self.granted):
            return Reply(403, b"{}", {"X-Error-Code": "GatedRepo"})
        return Reply(200, b"{}", {"Content-Type": "application/json"})


class NoPods:
    """A runner whose account is not set up."""

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        from models.domain.start_fixes import SET_KEY

        return [Problem("training.target", TARGET_RUNPOD, "needs a Runpod API key.", fix=SET_KEY)]


def forecast_of(world: World, config: TrainingConfig) -> Any:
    """A checkpoint of 10 GB, a result of 1 GB."""
    count = config.hp.save_total_limit + 1
    one, result = 10 * GIGABYTE, GIGABYTE
    return SimpleNamespace(
        size=SimpleNamespace(checkpoint=one, result=result), count=count, free=world.free,
        place="this disk", least=one + result, most=one * count + result,
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """All that a start needs is there."""
    rows = ({"question": f"q{n}", "answer": "a"} for n in range(5))
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    folder = tmp_path / "data" / "models" / "mine"
    lay_whole_model(folder)
    files = {"config.json": b"{}", "model.safetensors": b""}
    models = dict.fromkeys((GATED, OPEN, NOT_GRANTED), files) | {GGUF: {"x.gguf": b""}}
    with GatedHub(models) as hub, closing(Database.open(tmp_path / "temper.db")) as database:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.gated, hub.granted = {GATED, NOT_GRANTED}, {"hf_granted"}
        hub.closed = frozenset({NOT_GRANTED})
        library = DatasetLibrary(database, DatasetStore(tmp_path / "d"), tmp_path / "rows.jsonl")
        library.add_sample()
        offline = SimpleNamespace(offline=False)
        made = World(tmp_path, SimpleNamespace(), offline, hub)  # type: ignore[arg-type]
        policy = OfflinePolicy()
        monkeypatch.setattr(policy, "is_offline", lambda: made.policy.offline)
        builder = JobBuilder(library, lambda: tmp_path / "data", lambda: made.token)
        engine = DockerEngine()
        made.service = RunService(
            records=RunRecords(database), library=library, builder=builder, offline=policy,
            runners={
                RUNTIME_PYTHON: ProcessRunner(Path, gpu_indexes=lambda: made.indexes),
                RUNTIME_DOCKER: DockerRunner(engine, lambda: made.token, InstallId(database)),
                RUNTIME_RUNPOD: NoPods(),  # type: ignore[dict-item]
            },
            code=lambda: TrainerCode(tmp_path, "0" * 64),
        )  # fmt: skip
        made.service.starter.also_ask(
            # Its limit has a test of its own: a busy machine is no reason to miss a gated model.
            StartNeeds(lambda: made.token, partial(forecast_of, made), limit=30.0)
        )
        made.values = {"dataset.session": "1", "hp.base_model": "/data/models/mine"}
        yield made
        engine.forget()


def choose(**values: object) -> Callable[[World], None]:
    """Changes the setup: ``hp__base_model=""``."""
    found = {name.replace("__", "."): value for name, value in values.items()}
    return lambda world: world.values.update(found)


def timed(world: World) -> tuple[list[Problem], float]:
    """What is told, and in how many seconds by the clock: the quickest of :data:`LOOKS` looks, for
    what else this machine does meanwhile is not ours."""
    quickest = math.inf
    for _ in range(LOOKS):
        began = time.monotonic()
        found = world.problems()
        quickest = min(quickest, time.monotonic() - began)
        if quickest < SECONDS:
            break
    return found, quickest
