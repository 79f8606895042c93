"""Our agent in a pod of the emulated Runpod: client, proxy, agent and API fit together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from services.runpod.agent_client import AgentClient, AgentStatus
from services.runpod.agent_package import AGENT_VARIABLE, agent_args, agent_variable
from tests.integration.runpod_world import PORT, client_of, new_pod, wait_for, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.pod import Pod
    from services.runpod.client import RunpodClient
    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
TOKEN = "the-token-of-one-run"


@pytest.fixture
def runpod() -> Iterator[RunpodEmulator]:
    with world(speed=30) as emulator:
        yield emulator


@pytest.fixture
def client(runpod: RunpodEmulator) -> Iterator[RunpodClient]:
    with client_of(runpod) as found:
        yield found


def rent(runpod: RunpodEmulator, client: RunpodClient, **limits: str) -> Pod:
    volume = runpod.cloud.new_volume("v", 10, "EU-RO-1")
    env = {
        "TEMPER_RUN_ID": "run-1", "TEMPER_DATA_ROOT": "/data", "TEMPER_AGENT_PORT": str(PORT),
        "TEMPER_TOKEN_SHA256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "TEMPER_MAX_SECONDS": "6000", AGENT_VARIABLE: agent_variable(ROOT / "trainer_image"),
    }  # fmt: skip
    return client.create_pod(new_pod(args=agent_args(), env=env | limits, volume_id=volume.id))


def status_of(runpod: RunpodEmulator, pod: Pod) -> AgentStatus | None:
    with AgentClient(f"{runpod.url}/proxy/{pod.id}/{PORT}", TOKEN, tries=1) as agent:
        try:
            found = agent.status()
        except AppError as error:
            if error.kind != "agent_unreachable":
                raise
            return None
    return found if found.self_delete_tried else None


def test_an_agent_boots_and_proves_that_it_can_end_its_pod(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = rent(runpod, client)
    found: Any = wait_for(lambda: status_of(runpod, pod))
    assert (found.phase, found.self_delete, found.price) == ("wait_input", "rest", 0.27)
    (volume,) = runpod.cloud.volumes.values()
    assert (volume.folder / "runs" / "run-1").is_dir()


def test_an_agent_whose_key_may_nothing_says_so(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    runpod.broken.own_key_refused = True
    pod = rent(runpod, client)
    found: Any = wait_for(lambda: status_of(runpod, pod))
    assert (found.self_delete, "403" in found.self_delete_detail) == ("", True)


def test_a_pod_that_nobody_comes_for_ends_itself(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = rent(runpod, client, TEMPER_BOOT_GRACE="1", TEMPER_RETRY_SECONDS="0.5")
    runpod.broken.add(f"DELETE /v2/pods/{pod.id}", times=2)
    wait_for(lambda: client.is_gone(pod.id))
    assert runpod.cloud.ended[pod.id] < 0.27, "in less than an hour"
