"""With how many processes a setup trains, and what follows for its batches."""

from __future__ import annotations

import pytest

from models.domain.auto_set import EFFECTIVE_BATCH, Computer, choose
from models.domain.config import (
    RUNTIME_DOCKER,
    RUNTIME_PYTHON,
    TARGET_RUNPOD,
    LocalSection,
    TrainingConfig,
)
from models.domain.config_io import with_values
from models.domain.dataset import DatasetSession
from models.domain.docker import EngineInfo, GpuSupport
from models.domain.errors import AppError
from models.domain.hardware import Gpu, Hardware
from models.domain.processes import (
    chosen_gpus,
    effective_batch,
    missing_gpus_problem,
    processes_of,
)
from models.qt.step_estimate import estimate_steps
from services.gpu_count import ProcessCount, fitted
from services.job_builder import build_job

CONFIG = TrainingConfig()
DOCKER = {"local.runtime": RUNTIME_DOCKER}


def gpus(count: int) -> Hardware:
    return Hardware(tuple(Gpu(n, "A40", 48 * 2**30, 47 * 2**30) for n in range(count)), probed=True)


@pytest.mark.parametrize(
    ("values", "there", "expected"),
    [
        ({}, 0, 1),
        ({}, 1, 1),
        ({}, 4, 4),
        ({"local.gpu_devices": "2"}, 4, 1),
        ({"local.gpu_devices": "0, 3"}, 4, 2),
        ({"local.gpu_devices": "0,0,1"}, 4, 2),
        ({"local.use_gpu": False}, 4, 1),
        (DOCKER, 4, 4),
        ({"training.target": TARGET_RUNPOD, "runpod.gpu_count": 8}, 1, 8),
    ],
)
def test_one_process_for_each_gpu(values: dict[str, object], there: int, expected: int) -> None:
    config = with_values(CONFIG, values)
    assert processes_of(config, there, python_joins=True) == expected
    per_process = config.hp.batch_size * config.hp.grad_accum
    assert effective_batch(config, there) == per_process * processes_of(config, there)


def test_python_on_windows_uses_one_gpu_and_a_container_all() -> None:
    assert processes_of(CONFIG, 4, python_joins=False) == 1
    assert processes_of(with_values(CONFIG, DOCKER), 4, python_joins=False) == 4


def test_gpus_chosen_by_number() -> None:
    assert chosen_gpus(LocalSection(gpu_devices="1, 0")) == (1, 0)
    assert chosen_gpus(LocalSection(gpu_devices="All")) == ()
    assert chosen_gpus(LocalSection(gpu_devices="1", use_gpu=False)) == ()
    problem = missing_gpus_problem(LocalSection(gpu_devices="0,5"), [0, 1])
    assert problem is not None
    assert (problem.field, problem.remedy) == ("local.gpu_devices", "Choose among 0, 1.")
    assert missing_gpus_problem(LocalSection(gpu_devices="0,5"), []) is None


def engine(*, can_pass: bool) -> EngineInfo:
    return EngineInfo(
        version="28.2", api_version="1.50", kind="Docker Engine", endpoint="", is_rootless=False,
        is_local=True, architecture="x86_64", cpus=2, memory=2**34, data_root="",
        gpu=GpuSupport(can_pass, ""),
    )  # fmt: skip


def dataset(rows: int) -> DatasetSession:
    return DatasetSession(
        id=1, name="n", source="n.jsonl", format="messages", rows=rows, size=1, sha256="0" * 64,
        created_at=0.0,
    )  # fmt: skip


def test_containers_count_gpus_only_where_they_get_them() -> None:
    def no_engine() -> EngineInfo:
        raise AppError("docker_missing", "No engine.", "")

    config = with_values(CONFIG, DOCKER)
    assert ProcessCount(lambda: gpus(2), lambda: engine(can_pass=True))(config) == 2
    assert ProcessCount(lambda: gpus(2), lambda: engine(can_pass=False))(config) == 1
    assert ProcessCount(lambda: gpus(2), no_engine)(config) == 1
    python = with_values(CONFIG, {"local.runtime": RUNTIME_PYTHON})
    assert ProcessCount(lambda: gpus(2), no_engine)(python) == processes_of(python, 2)


def test_the_job_is_for_that_many() -> None:
    job = build_job(CONFIG, dataset(10), processes=3)
    assert job.processes == 3
    assert job.effective_batch == 3 * CONFIG.hp.batch_size * CONFIG.hp.grad_accum


@pytest.mark.parametrize(("there", "expected"), [(8, 4), (4, 4), (3, 2), (2, 2), (1, 1)])
def test_a_run_that_waited_takes_the_gpus_that_are_left(there: int, expected: int) -> None:
    config = with_values(CONFIG, {"hp.grad_accum": 2})
    job = build_job(config, dataset(10), processes=4)
    now = fitted(job, there)
    assert now.processes == expected
    assert now.effective_batch == job.effective_batch
    assert now.fingerprint() == job.fingerprint()


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_auto_set_keeps_the_effective_batch_over_all_gpus(count: int) -> None:
    computer = Computer(gpus(count), None, (), 1000, 1.0)
    choice = choose(with_values(CONFIG, DOCKER), computer)
    assert choice.batch * choice.accumulation * count == EFFECTIVE_BATCH


def test_the_steps_are_fewer_and_the_line_says_why() -> None:
    session = dataset(1000)
    config = with_values(CONFIG, DOCKER | {"dataset.eval_percent": 0.0, "hp.packing": False})
    one, two = estimate_steps(config, session, 1), estimate_steps(config, session, 2)
    assert one is not None
    assert two is not None
    assert two.effective_batch == 2 * one.effective_batch
    assert two.steps_per_epoch == -(-one.steps_per_epoch // 2)
    assert f"Effective batch {two.effective_batch} on 2 GPUs" in two.sentence()
    assert "GPU" not in one.sentence()
