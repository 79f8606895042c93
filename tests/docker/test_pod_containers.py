"""Pods of the emulated Runpod that are containers: the real image, agent and trainer in one."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from services.runpod.agent_client import AgentClient
from services.runpod.agent_files import Watch, download
from services.runpod.agent_package import AGENT_VARIABLE, agent_args, agent_variable, pack_code
from tests.conftest import ROOT
from tests.emulators.runpod.containers import LABEL, ContainerMachine
from tests.integration.runpod_world import PORT, client_of, new_pod, wait_for, world
from trainer_image.contract import Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from services.runpod.client import RunpodClient
    from tests.emulators.runpod.emulator import RunpodEmulator

TOKEN = "the-token-of-one-run"
SAMPLE = ROOT / "resources" / "samples" / "python-docs.jsonl"


@pytest.fixture
def runpod(docker_client: DockerClient, trainer_image: str) -> Iterator[RunpodEmulator]:
    with world(speed=10) as emulator:
        emulator.cloud.machine = lambda: ContainerMachine(docker_client, trainer_image)
        yield emulator


@pytest.fixture
def client(runpod: RunpodEmulator) -> Iterator[RunpodClient]:
    with client_of(runpod) as found:
        yield found


def rent(runpod: RunpodEmulator, client: RunpodClient) -> Any:
    volume = runpod.cloud.new_volume("v", 10, "EU-RO-1")
    env = {
        "TEMPER_RUN_ID": "run-1", "TEMPER_DATA_ROOT": "/data", "TEMPER_AGENT_PORT": str(PORT),
        "TEMPER_TOKEN_SHA256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "TEMPER_MAX_SECONDS": "6000", AGENT_VARIABLE: agent_variable(ROOT / "trainer_image"),
    }  # fmt: skip
    return client.create_pod(new_pod(args=agent_args(), env=env, volume_id=volume.id)), volume


def is_ready(agent: AgentClient) -> bool:
    try:
        return agent.status().self_delete == "rest"
    except AppError:
        return False


@pytest.mark.slow
def test_a_container_trains_and_its_adapter_comes_home(
    runpod: RunpodEmulator,
    client: RunpodClient,
    docker_client: DockerClient,
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    pod, volume = rent(runpod, client)
    rows = b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:24])
    shutil.copytree(tiny_model, volume.folder / "models/tiny", copy_function=shutil.copyfile)
    for name, content in {"code/c": pack_code(ROOT / "trainer_image"), "datasets/d": rows}.items():
        (volume.folder / name).parent.mkdir()
        (volume.folder / name).write_bytes(content)
    job = {
        "run_id": "run-1", "base_model": "/data/models/tiny", "output_directory": "/data/outputs/o",
        "offline": True, "use_gpu": False,
        "dataset": {"path": "/data/datasets/d", "sha256": hashlib.sha256(rows).hexdigest(),
                    "format": "question_answer"},
        "hp": {"max_steps": 2, "max_seq_length": 128, "packing": False},
    }  # fmt: skip
    with ExitStack() as stack:
        url = f"{runpod.url}/proxy/{pod.id}/{PORT}"
        agent = stack.enter_context(AgentClient(url, TOKEN, tries=3))
        wait_for(lambda: is_ready(agent), 60)
        environment = {"HF_HUB_OFFLINE": "1"}
        request = {"run_id": "run-1", "job": job, "code": "c", "environment": environment}
        agent.start(request)
        phase = wait_for(lambda: (now := agent.status().phase) != "running" and now, 200)
        assert phase == "done", (volume.folder / "runs/run-1/train.log").read_text()[-3000:]
        made = next(one for one in agent.artifacts() if one.path.endswith("model.safetensors"))
        home = tmp_path / "adapter.safetensors"
        download(agent, made, home, Watch())
        result = Result.model_validate_json((volume.folder / "runs/run-1/result.json").read_bytes())
        assert hashlib.sha256(home.read_bytes()).hexdigest() == result.adapter_sha256
        agent.acknowledge()
        wait_for(lambda: client.is_gone(pod.id), 20)
    left = docker_client.containers.list(all=True, filters={"label": LABEL})
    assert left == [], "the pod's container went with it"


@pytest.mark.slow
def test_a_container_that_ends_is_started_again_with_an_empty_disk(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    volume = runpod.cloud.new_volume("v", 10, "EU-RO-1")
    code = (
        "import pathlib; mine = pathlib.Path('/tmp/mine'); was_there = mine.exists(); mine.touch();"
        "pathlib.Path('/data/boots').open('a').write('x'); print('there', was_there, flush=True)"
    )
    pod = client.create_pod(new_pod(code, volume_id=volume.id))
    lines = runpod.cloud.pods[pod.id].log.lines
    wait_for(lambda: lines("container").count("there False") == 2, 60)
    assert "there True" not in lines("container")
    assert (volume.folder / "boots").read_text().startswith("xx"), "the volume stays"
