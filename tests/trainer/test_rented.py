"""The same training on this computer and on a rented pod: the same bytes come out."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.config import RUNTIME_PYTHON, TARGET_LOCAL
from models.domain.remote_run import RemotePhase, Teardown
from models.domain.run import RunState
from services.adapters import tuned_model
from services.runners.process import ProcessRunner
from tests.emulators.runpod.machines import ProcessMachine
from tests.integration.remote_world import remote_world

if TYPE_CHECKING:
    from models.domain.run import Run
    from services.runs import RunService

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]


def follow(runs: RunService, run: Run) -> Run:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        run = runs.poll(run.id).run
        if run.state.is_over:
            return run
        time.sleep(0.1)
    raise AssertionError(f"still {run}")


@pytest.mark.spec("Run the **same training script** on cloud GPUs (Runpod) or your local machine")
def test_a_rented_pod_makes_the_same_adapter_as_this_computer(
    trainer_python: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with remote_world(tmp_path, monkeypatch, speed=10) as there:
        there.runpod.cloud.machine = lambda: ProcessMachine(trainer_python)
        (there.data_root / "models").mkdir(parents=True)
        (there.data_root / "models" / "tiny").symlink_to(tiny_model)
        here = ProcessRunner(lambda: Path(trainer_python))
        runs = there.service(there.program(), {RUNTIME_PYTHON: here})
        setup = {
            "hp.base_model": "/data/models/tiny", "hp.max_steps": 3, "hp.quantization": "none",
            "hp.max_seq_length": 128,
        }  # fmt: skip
        remote = follow(runs, runs.start(there.config(**setup)))
        assert (remote.state, remote.failure) == (RunState.FINISHED, None)
        setup |= {"training.target": TARGET_LOCAL, "output.directory": "/data/outputs/local"}
        local = follow(runs, runs.start(there.config(**setup)))
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
