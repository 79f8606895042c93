"""Trainings on rented pods: the same bytes as on this computer, and several processes in one."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.config import RUNTIME_PYTHON, TARGET_LOCAL
from models.domain.remote_run import RemotePhase, Teardown
from models.domain.run import RunState
from services.adapters import tuned_model
from services.remote.preflight import preflight
from services.run_files import RunFolder
from services.runners.process import ProcessRunner
from tests.emulators.runpod.machines import ProcessMachine, processes_of
from tests.integration.remote_world import remote_world
from trainer_image.contract import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run
    from services.remote.work import Work
    from services.runs import RunService
    from tests.integration.remote_world import RemoteWorld

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]


SETUP: dict[str, object] = {
    "hp.base_model": "/data/models/tiny", "hp.max_steps": 3, "hp.quantization": "none",
    "hp.max_seq_length": 128,
}  # fmt: skip


@pytest.fixture
def there(
    trainer_python: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RemoteWorld]:
    """Pods that are processes of the trainer's Python, and the tiny model at home."""
    with remote_world(tmp_path, monkeypatch, speed=10) as world:
        world.runpod.cloud.machine = lambda: ProcessMachine(trainer_python)
        (world.data_root / "models").mkdir(parents=True)
        (world.data_root / "models" / "tiny").symlink_to(tiny_model)
        yield world


def follow(runs: RunService, run: Run, look: Callable[[], object] = lambda: None) -> Run:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        run = runs.poll(run.id).run
        if run.state.is_over:
            return run
        look()
        time.sleep(0.1)
    raise AssertionError(f"still {run}")


@pytest.mark.spec("Run the **same training script** on cloud GPUs (Runpod) or your local machine")
def test_a_rented_pod_makes_the_same_adapter_as_this_computer(
    there: RemoteWorld, trainer_python: str
) -> None:
    here = ProcessRunner(lambda: Path(trainer_python))
    runs = there.service(there.program(), {RUNTIME_PYTHON: here})
    remote = follow(runs, runs.start(there.config(**SETUP)))
    assert (remote.state, remote.failure) == (RunState.FINISHED, None)
    at_home = {"training.target": TARGET_LOCAL, "output.directory": "/data/outputs/local"}
    local = follow(runs, runs.start(there.config(**SETUP | at_home)))
    assert (local.state, local.failure) == (RunState.FINISHED, None)
    weights = [
        (Path(run.adapter_path) / "adapter_model.safetensors").read_bytes()
        for run in (remote, local)
    ]
    assert weights[0] == weights[1]
    assert tuned_model(remote).adapter == remote.adapter_path
    over = there.wait(remote, 1, RemotePhase.OVER)
    assert (over.teardown, there.pods) == (Teardown.CONFIRMED, [])
    told = [json.loads(line)["type"] for line in _events(remote).splitlines()]
    assert told.count("progress") == remote.step


def _events(run: Run) -> str:
    return (Path(run.data_root) / "runs" / run.id / "events.jsonl").read_text()


def on_the_processor(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Emulated pods have no GPUs, and a job that asks for them is refused there."""
    folder = RunFolder(Path(work.run.data_root), work.run_id)
    folder.job.write_text(json.dumps(json.loads(folder.job.read_bytes()) | {"use_gpu": False}))
    return preflight(attempt, work)


def ranks_in(there: RemoteWorld) -> set[str]:
    """The ranks of the trainer's processes that are in pods now."""
    found = set()
    for pod_id in list(there.runpod.cloud.pods):
        for pid in processes_of(pod_id):
            with suppress(OSError):
                variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
                found |= {one for one in variables if one.startswith("RANK=")}
    return found


def test_a_pod_with_two_gpus_trains_in_two_processes_and_its_adapter_comes_home(
    there: RemoteWorld,
) -> None:
    """All but the GPUs is real: the pod that is asked for, the agent, torchrun, gloo, the files."""
    runs = there.service(there.program({RemotePhase.PREFLIGHT: on_the_processor}))
    setup = SETUP | {"runpod.gpu_count": 2, "hp.batch_size": 2, "hp.grad_accum": 1}
    ranks: set[str] = set()
    run = follow(runs, runs.start(there.config(**setup)), lambda: ranks.update(ranks_in(there)))
    folder = RunFolder(there.data_root, run.id)
    assert (run.state, run.failure) == (RunState.FINISHED, None), folder.log.read_text()[-2000:]
    assert ranks == {"RANK=0", "RANK=1"}
    assert "(2 x 1 x 2 processes)" in folder.log.read_text()
    record = Record.model_validate_json((folder.path / "record.json").read_bytes())
    assert [boot.processes for boot in record.boots] == [2]
    weights = (Path(run.adapter_path) / "adapter_model.safetensors").read_bytes()
    result = folder.result()
    assert result is not None
    assert hashlib.sha256(weights).hexdigest() == result.adapter_sha256
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.gpu_count, over.teardown, there.pods) == (2, Teardown.CONFIRMED, [])
    asked = [one for one in there.runpod.requests if one.target.endswith("/v2/pods")]
    bodies = [json.loads(one.body) for one in asked if one.method == "POST"]
    assert [one["gpu"]["count"] for one in bodies] == [2]


def test_a_pod_that_has_fewer_gpus_than_were_rented_says_so(there: RemoteWorld) -> None:
    runs = there.service(there.program())
    setup = {"hp.base_model": "/data/models/tiny", "hp.max_steps": 3, "runpod.gpu_count": 2}
    run = follow(runs, runs.start(there.config(**setup)))
    assert run.failure is not None
    assert "is for 2 GPUs, and not all of its processes have one" in run.failure.message
    there.wait(run, 1, RemotePhase.OVER)
    assert there.pods == []
