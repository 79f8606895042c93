"""A real training in the real image, by the program as it is built for its user."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_DOCKER, RUNTIME_PYTHON, TrainingConfig
from models.domain.config_io import with_values
from models.domain.run import RunState
from services.offline import OfflinePolicy
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.bootstrap import Services
    from models.domain.run import Run
    from tests.conftest import TrainerHome
    from tests.docker.engine import RealEngine

SAMPLE = ROOT / "resources" / "samples" / "python-docs.jsonl"


@pytest.fixture
def services(
    tmp_path: Path, trainer_home: TrainerHome, docker_engine: RealEngine
) -> Iterator[Services]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.root)
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    sample = tmp_path / "sample.jsonl"
    sample.write_text("\n".join(map(json.dumps, rows[:24])), encoding="utf-8")
    with closing(build_services(AppPaths(home), OfflinePolicy(forced=True))) as built:
        built.datasets.import_file(sample)
        yield built


def train(services: Services, model: Path, runtime: str, image: str) -> Run:
    """One run to its end."""
    values = {
        "dataset.session": "1", "hp.base_model": str(model), "hp.max_steps": 4,
        "hp.max_seq_length": 128, "hp.packing": False, "local.runtime": runtime,
        "local.image": image, "local.use_gpu": False,
        "output.directory": f"/data/outputs/{runtime.split()[0].lower()}",
    }  # fmt: skip
    run = services.runs.start(with_values(TrainingConfig(), values))
    deadline = time.monotonic() + 300
    while not run.state.is_over and time.monotonic() < deadline:
        time.sleep(0.1)
        run = services.runs.poll(run.id).run
    assert run.state is RunState.FINISHED, services.runs.log_path(run.id).read_text()[-3000:]
    return run


@pytest.mark.spec("**Local**: train in a local Docker container on your own GPU/CPU.")
def test_docker_and_the_managed_environment_train_the_same_adapter_to_the_bit(
    services: Services, tiny_model: Path, trainer_image: str
) -> None:
    in_docker = train(services, tiny_model, RUNTIME_DOCKER, trainer_image)
    beside = train(services, tiny_model, RUNTIME_PYTHON, trainer_image)

    assert in_docker.trainer_sha256 == beside.trainer_sha256
    weights = [services.runs.adapter_path(run) / "adapter_model.safetensors"
               for run in (in_docker, beside)]  # fmt: skip
    sums = {hashlib.sha256(file.read_bytes()).hexdigest() for file in weights}
    assert len(sums) == 1
    assert services.runs.tuned_model(in_docker).base_model == str(tiny_model)
    log = services.runs.log_path(in_docker.id).read_text()
    assert "effective batch" in log
