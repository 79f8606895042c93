"""What several processes are started with, who of them says what, and what counts as one job."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from trainer_image import distributed, worker_reports, world
from trainer_image.checks import check
from trainer_image.contract import ExitCode, Hyperparameters, Job
from trainer_image.environment import card_of
from trainer_image.failures import RefusedError
from trainer_image.steps import plan_steps
from trainer_image.world import Cluster, cluster

PATH = Path("/data/runs/run/job.json")


def job(batch: int = 2, accumulation: int = 4, **fields: Any) -> Job:
    hp = Hyperparameters(batch_size=batch, grad_accum=accumulation)
    dataset = {"path": "/data/datasets/rows.jsonl", "format": "messages"}
    made = {"run_id": "run", "base_model": "user/model", "dataset": dataset, "hp": hp}
    return Job.model_validate(made | {"output_directory": "/data/outputs/run"} | fields)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, Cluster()),
        ({"MASTER_ADDR": "10.0.0.1", "NODE_RANK": "0", "WORLD_SIZE": "1"}, Cluster()),
        (
            {
                "NUM_NODES": "2", "NODE_RANK": "1", "PRIMARY_ADDR": "10.65.0.2",
                "MASTER_ADDR": "10.65.0.2", "MASTER_PORT": "29400", "NUM_TRAINERS": "8",
            },
            Cluster(2, 1, "10.65.0.2", "29400"),
        ),
        (
            {
                "PET_NNODES": "4", "PET_NODE_RANK": "3", "PET_MASTER_ADDR": "job-master-0",
                "PET_MASTER_PORT": "23456", "PET_NPROC_PER_NODE": "auto",
            },
            Cluster(4, 3, "job-master-0", "23456"),
        ),
        (
            {"SLURM_NNODES": "2", "SLURM_NODEID": "0", "MASTER_ADDR": "node1"},
            Cluster(2, 0, "node1", "29500"),
        ),
        ({"PET_NNODES": "1:4"}, Cluster()),
    ],
)  # fmt: skip
def test_a_cluster_is_known_by_its_variables(variables: dict[str, str], expected: Cluster) -> None:
    assert cluster(variables) == expected


def test_what_starts_the_processes() -> None:
    alone = distributed.command(job(processes=4), PATH, Cluster())
    assert alone[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert "--standalone" in alone
    assert alone[alone.index("--nproc-per-node") + 1] == "4"
    assert alone[-4:] == ["-m", "trainer_image.train", "--job", str(PATH)]
    many = distributed.command(
        job(processes=8, machines=2), PATH, Cluster(2, 1, "10.0.0.1", "29400")
    )
    for name, value in {
        "--nnodes": "2", "--node-rank": "1", "--master-addr": "10.0.0.1",
        "--master-port": "29400", "--nproc-per-node": "8",
    }.items():  # fmt: skip
        assert many[many.index(name) + 1] == value
    assert "--standalone" not in many


def test_their_environment_is_not_the_clusters_count() -> None:
    own = {"WORLD_SIZE": "16", "RANK": "3", "HF_HOME": "/cache"}
    made = distributed.environment(own, job(processes=2), Cluster())
    assert "WORLD_SIZE" not in made
    assert "RANK" not in made
    assert made["HF_HOME"] == "/cache"
    assert int(made["OMP_NUM_THREADS"]) >= 1
    kept = distributed.environment({"OMP_NUM_THREADS": "3"}, job(processes=2), Cluster())
    assert kept["OMP_NUM_THREADS"] == "3"
    assert world.is_worker({**made, "TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0"})
    assert not world.is_worker({"TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0"})


def test_each_process_has_a_card_of_its_own() -> None:
    assert [card_of(number, None) for number in (0, 1)] == ["0", "1"]
    assert [card_of(number, "2, GPU-8f") for number in (0, 1, 2)] == ["2", "GPU-8f", ""]
    assert card_of(0, "") == ""


@pytest.mark.parametrize(
    ("batch", "accumulation", "processes", "machines"),
    [(2, 4, 1, 1), (2, 2, 2, 1), (2, 1, 4, 1), (2, 1, 2, 2), (1, 4, 2, 1), (8, 1, 1, 1)],
)
def test_a_run_goes_on_with_other_processes_where_the_effective_batch_is_the_same(
    batch: int, accumulation: int, processes: int, machines: int
) -> None:
    one = job()
    other = job(batch, accumulation, processes=processes, machines=machines)
    assert other.effective_batch == one.effective_batch == 8
    assert other.may_go_on_from(one.fingerprint())
    assert one.may_go_on_from(other.fingerprint())
    twice = job(batch, accumulation, processes=2 * processes, machines=machines)
    assert not one.may_go_on_from(twice.fingerprint())


@pytest.mark.parametrize("items", [1, 7, 8, 20, 101])
def test_the_steps_are_those_of_one_process(items: int) -> None:
    alone = plan_steps(job(2, 4).hp, items, evaluating=True)
    assert plan_steps(job(2, 1).hp, items, evaluating=True, processes=4) == alone


def test_a_cluster_of_another_size_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEMPER_DATA_ROOT", str(tmp_path))
    monkeypatch.setenv("NUM_NODES", "2")
    with pytest.raises(RefusedError, match="for 3 machines, and the cluster has 2"):
        check(job(machines=3))
    with pytest.raises(RefusedError, match="does not say where its machines meet"):
        check(job(machines=2))


def report(code: int, *, follows: bool = False, rank: int = 0) -> dict[str, Any]:
    return {
        "rank": rank, "time": time.time(), "code": code, "follows": follows,
        "fields": {"kind": f"of {rank}"},
    }  # fmt: skip


def test_the_cause_is_the_first_failure_that_follows_from_no_other() -> None:
    lost = report(ExitCode.FAILED, follows=True)
    out_of_memory = report(ExitCode.CUDA_OOM, rank=1)
    later = report(ExitCode.FAILED, rank=2)
    stopped = report(ExitCode.CANCELLED, rank=3)
    assert worker_reports.cause([stopped, lost, out_of_memory, later]) == out_of_memory
    assert worker_reports.cause([lost, stopped, report(ExitCode.FINISHED)]) is None


def test_no_token_is_in_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnop")
    worker_reports.write(tmp_path, ExitCode.FAILED, {"details": "asked with hf_abcdefghijklmnop"})
    [path] = (tmp_path / worker_reports.FOLDER).iterdir()
    assert "abcdefgh" not in path.read_text()
    assert worker_reports.read(tmp_path)[0]["fields"]["details"] == "asked with [redacted]"


def test_reports_are_read_in_the_order_of_time_and_forgotten(tmp_path: Path) -> None:
    details = "RuntimeError: [../third_party/gloo/transport/tcp/pair.cc] Connection closed by peer"
    worker_reports.write(tmp_path, ExitCode.FAILED, {"kind": "internal", "details": details})
    (tmp_path / worker_reports.FOLDER / "rank-7.json").write_text("{ half")
    [found] = worker_reports.read(tmp_path)
    assert (found["rank"], found["code"], found["follows"]) == (0, 1, True)
    worker_reports.clear(tmp_path)
    assert worker_reports.read(tmp_path) == []
