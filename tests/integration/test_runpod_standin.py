"""Pods that are processes on a fast clock: the real agent over a stand-in for the trainer."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from services.runpod.agent_client import AgentClient
from services.runpod.agent_package import AGENT_VARIABLE, agent_args, agent_variable, pack_code
from tests.emulators.runpod.pod_python import PodPython
from tests.emulators.runpod.standin import DEFAULTS, SEAL
from tests.integration.runpod_world import PORT, client_of, new_pod, wait_for, world
from trainer_image.contract import Event, Result, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.pod import Pod
    from tests.emulators.runpod.cloud import Volume

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
TOKEN = "the-token-of-one-run"
ROWS = b'{"text": "a"}\n'


class Fast:
    """A world sixty times as fast, with a volume, in which the stand-in trains."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.emulator = stack.enter_context(world(speed=60))
        self.cloud = self.emulator.cloud
        self.python = PodPython(folder, self.cloud.clock)
        self.cloud.machine = self.python.machine
        self.client = stack.enter_context(client_of(self.emulator))
        self.volume = self.cloud.new_volume("v", 10, "EU-RO-1")
        self._stack = stack

    def rent(self, volume: Volume | None = None, **limits: str) -> Pod:
        env = {
            "TEMPER_RUN_ID": "run-1", "TEMPER_DATA_ROOT": "/data", "TEMPER_AGENT_PORT": str(PORT),
            "TEMPER_TOKEN_SHA256": hashlib.sha256(TOKEN.encode()).hexdigest(),
            "TEMPER_MAX_SECONDS": "6000", AGENT_VARIABLE: agent_variable(ROOT / "trainer_image"),
        }  # fmt: skip
        wanted = {"args": agent_args(), "env": env | limits}
        return self.client.create_pod(new_pod(volume_id=(volume or self.volume).id, **wanted))

    def agent(self, pod: Pod, tries: int = 8) -> AgentClient:
        url = f"{self.emulator.url}/proxy/{pod.id}/{PORT}"
        return self._stack.enter_context(AgentClient(url, TOKEN, tries=tries))

    def started(self, pod: Pod) -> AgentClient:
        """An agent whose run is on its way."""
        root = self.volume.folder
        code = pack_code(ROOT / "trainer_image")
        for name, content in {"code/c.zip": code, "datasets/d.jsonl": ROWS}.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(content)
        agent = self.agent(pod)
        wait_for(lambda: proven(self.agent(pod, 1)))
        agent.start({"run_id": "run-1", "job": JOB, "code": "c.zip", "inputs": []})
        return agent

    @property
    def adapter(self) -> Path:
        return self.volume.folder / "outputs/o/adapter/adapter_model.safetensors"


JOB: dict[str, Any] = {
    "version": 1, "run_id": "run-1", "base_model": "m", "output_directory": "/data/outputs/o",
    "dataset": {
        "path": "/data/datasets/d.jsonl", "sha256": hashlib.sha256(ROWS).hexdigest(),
        "format": "text",
    },
    "hp": {"max_steps": 12, "save_steps": 4},
}  # fmt: skip


def proven(agent: AgentClient) -> bool:
    try:
        return agent.status().self_delete == "rest"
    except AppError:
        return False


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Fast]:
    with ExitStack() as stack:
        yield Fast(tmp_path, stack)


def ended(agent: AgentClient) -> str:
    return wait_for(lambda: (now := agent.status().phase) not in {"running", ""} and now)


def test_a_run_leaves_what_the_contract_says(fast: Fast) -> None:
    agent = fast.started(fast.rent())
    assert ended(agent) == "done"
    folder = fast.volume.folder / "runs/run-1"
    result = Result.model_validate_json((folder / "result.json").read_bytes())
    state = RunState.model_validate_json((folder / "state.json").read_bytes())
    lines = (folder / "events.jsonl").read_text().splitlines()
    events = [Event.model_validate_json(line) for line in lines]
    assert (result.steps, state.phase, state.exit_code) == (12, "finished", 0)
    assert [event.seq for event in events] == list(range(len(events)))
    assert [event.type for event in events[-2:]] == ["phase", "finished"]
    assert hashlib.sha256(fast.adapter.read_bytes()).hexdigest() == result.adapter_sha256
    assert events[-1].time - events[0].time > 12 * DEFAULTS["step_seconds"], "the pod's clock"


def test_a_run_that_was_cut_makes_the_same_adapter(fast: Fast) -> None:
    agent = fast.started(fast.rent())
    ended(agent)
    straight = fast.adapter.read_bytes()
    fast.volume = fast.cloud.new_volume("w", 10, "EU-RO-1")
    fast.python.standin = {"die_at": 7}
    pod = fast.rent()
    agent = fast.started(pod)
    checkpoints = fast.volume.folder / "outputs/o/checkpoints"
    assert ended(agent) == "failed"
    assert [one.name for one in checkpoints.iterdir()] == ["checkpoint-4"]
    fast.client.end_pod(pod.id)
    agent = fast.started(fast.rent())
    assert ended(agent) == "done"
    assert fast.adapter.read_bytes() == straight
    log = (fast.volume.folder / "runs/run-1/train.log").read_text()
    assert "Going on from step 4." in log


def test_a_stop_saves_a_checkpoint(fast: Fast) -> None:
    fast.python.standin = {"step_seconds": 60}
    agent = fast.started(fast.rent())
    events = fast.volume.folder / "runs/run-1/events.jsonl"
    wait_for(lambda: events.exists() and b'"progress"' in events.read_bytes())
    agent.cancel()
    assert ended(agent) == "cancelled"
    assert list((fast.volume.folder / "outputs/o/checkpoints").glob(f"checkpoint-*/{SEAL}"))


def test_the_limit_of_a_pod_is_of_the_emulated_clock(fast: Fast) -> None:
    """A pod that lived by this computer's would live 60 times as long."""
    fast.python.standin = {"step_seconds": 6000}
    pod = fast.rent(TEMPER_MAX_SECONDS="600")
    fast.started(pod)
    wait_for(lambda: pod.id in fast.cloud.ended)
    assert 0.27 / 6 * 0.9 <= fast.cloud.ended[pod.id] < 3 * 0.27 / 6


def test_a_clock_that_is_moved_moves_in_pods_too(fast: Fast) -> None:
    fast.python.standin = {"step_seconds": 6000}
    pod = fast.rent(TEMPER_MAX_SECONDS="6000")
    fast.started(pod)
    fast.cloud.clock.move(6000)
    wait_for(lambda: pod.id in fast.cloud.ended)


def test_a_full_volume_fails_the_run(fast: Fast) -> None:
    fast.python.standin = {"step_seconds": 30}
    agent = fast.started(fast.rent())
    wait_for(lambda: (fast.volume.folder / "runs/run-1/state.json").exists())
    fast.volume.full_at = fast.volume.used()
    assert ended(agent) == "failed"
    fast.volume.full_at = None
    assert agent.status().exit_code == 1


def test_a_restarted_pod_goes_on(fast: Fast) -> None:
    fast.python.standin = {"step_seconds": 30}
    pod = fast.rent()
    agent = fast.started(pod)
    saved = fast.volume.folder / "outputs/o/checkpoints/checkpoint-4" / SEAL
    wait_for(saved.exists)
    with fast.cloud.lock:
        fast.cloud.pods[pod.id].restart()
    assert ended(agent) == "done"
    state = json.loads((fast.volume.folder / "runs/run-1/state.json").read_bytes())
    assert (state["boot_count"], agent.status().boot_count) == (2, 2)
