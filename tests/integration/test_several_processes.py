"""Who of a run's processes is found, asked and told of, with processes that only wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image import agent_child, distributed, worker_reports
from trainer_image.agent_child import LEADER_VARIABLE
from trainer_image.contract import ExitCode, FailureKind, Job, Phase, RunState
from trainer_image.run_folder import EventWriter, RunFolder, StateWriter
from trainer_image.worker_reports import WorkerReporter
from trainer_image.world import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no torchrun there")
_WAITS = "import time; print(flush=True); time.sleep(60)"


@pytest.fixture
def job_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEMPER_DATA_ROOT", str(tmp_path))
    folder = tmp_path / "runs" / "run"
    folder.mkdir(parents=True)
    return folder / "job.json"


@pytest.fixture
def watch(job_path: Path) -> distributed.Watch:
    """That of a run of three processes, which it has not started."""
    job = Job.model_validate(
        {
            "run_id": "run", "base_model": "user/model", "output_directory": "/data/outputs/run",
            "dataset": {"hf_repo": "user/rows"}, "processes": 3,
        }
    )  # fmt: skip
    made = distributed.Watch(job, job_path, Cluster())
    made._seen = {1, 2, 3}
    return made


@pytest.fixture
def waiting(job_path: Path) -> Iterator[Any]:
    """Starts processes that name the job and lead a session, as a trainer does."""
    started: list[subprocess.Popen[bytes]] = []

    def start(environ: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _WAITS, "--job", str(job_path)]
        process = subprocess.Popen(
            command, env=os.environ | environ, stdout=subprocess.PIPE, start_new_session=True
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="agents live on Linux")
def test_the_agent_finds_the_starter_and_none_of_its_workers(job_path: Path, waiting: Any) -> None:
    worker = waiting({LEADER_VARIABLE: "1"})
    assert agent_child.find(job_path) is None
    starter = waiting({})
    found = agent_child.find(job_path)
    assert found is not None
    assert found.pid == starter.pid != worker.pid


def reported(job_path: Path, rank: int, code: int, **fields: Any) -> None:
    follows = fields.pop("follows", False)
    folder = job_path.parent / worker_reports.FOLDER
    folder.mkdir(exist_ok=True)
    report = {"rank": rank, "time": float(rank), "code": code, "follows": follows}
    (folder / f"rank-{rank}.json").write_text(json.dumps(report | {"fields": fields}))


def end(watch: distributed.Watch, job_path: Path, code: int) -> tuple[int, list[dict[str, Any]]]:
    result = watch._end(code)
    events = job_path.parent / "events.jsonl"
    lines = events.read_text().splitlines() if events.exists() else []
    assert not (job_path.parent / worker_reports.FOLDER).exists()
    return result, [json.loads(line) for line in lines]


def test_the_failure_that_the_others_follow_from_is_told(
    watch: distributed.Watch, job_path: Path
) -> None:
    reported(job_path, 0, ExitCode.FAILED, kind="internal", message="gone", follows=True)
    reported(job_path, 1, ExitCode.CUDA_OOM, kind="cuda_oom", message="The GPU ran out of memory.")
    code, events = end(watch, job_path, 1)
    assert code == ExitCode.CUDA_OOM
    assert [event["type"] for event in events] == ["phase", "failed"]
    assert (events[-1]["kind"], events[0]["phase"]) == ("cuda_oom", "failed")
    state = RunState.model_validate_json((job_path.parent / "state.json").read_bytes())
    assert (state.exit_code, state.pid) == (ExitCode.CUDA_OOM, os.getpid())


def test_one_that_says_nothing_was_killed(watch: distributed.Watch, job_path: Path) -> None:
    reported(job_path, 0, ExitCode.FAILED, kind="internal", message="gone", follows=True)
    reported(job_path, 2, ExitCode.CANCELLED, kind="cancelled", message="stopped")
    code, events = end(watch, job_path, 1)
    assert code == ExitCode.FAILED
    assert events[-1]["kind"] == FailureKind.KILLED
    assert events[-1]["message"].startswith("Process 2 of the 3 processes")


def test_processes_that_never_were_are_not_killed_ones(
    watch: distributed.Watch, job_path: Path
) -> None:
    watch._seen = set()
    _, events = end(watch, job_path, 1)
    assert events[-1]["message"] == "The 3 processes of the run could not be started."


def test_a_stop_is_no_failure(watch: distributed.Watch, job_path: Path) -> None:
    for rank in range(3):
        reported(job_path, rank, ExitCode.CANCELLED, kind="cancelled", message="stopped")
    code, events = end(watch, job_path, 0)
    assert (code, events[-1]["kind"]) == (ExitCode.CANCELLED, "cancelled")


def test_a_success_is_told_by_the_first_process_alone(
    watch: distributed.Watch, job_path: Path
) -> None:
    folder = RunFolder(job_path.parent)
    with EventWriter(folder.events) as events:
        reporter = WorkerReporter(folder.path, events, StateWriter(folder.state, "run"))
        reporter.end(Phase.FINISHED, ExitCode.FINISHED, "finished", steps=3)
    for rank in (1, 2):
        reported(job_path, rank, ExitCode.FINISHED)
    code, told = end(watch, job_path, 0)
    assert code == ExitCode.FINISHED
    assert [event["type"] for event in told] == ["finished"]
