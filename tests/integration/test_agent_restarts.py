"""Whatever is killed on a pod, and whenever: the run goes on where it really is."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from models.domain.errors import AppError
from services.runpod.agent_client import AgentRefusalError
from tests.integration.pod_world import Pod, PodApi, bring_code, request, start, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.runpod.agent_client import AgentClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with PodApi() as api, Pod(tmp_path, api) as booted:
        yield booted


def reach(client: AgentClient, step: int) -> None:
    wait_until(lambda: f"step {step}\n".encode() in client.log(0).data)


def sequence(pod: Pod) -> list[int]:
    lines = (pod.root / "runs/run-1/events.jsonl").read_text().splitlines()
    return [json.loads(line)["seq"] for line in lines]


def test_the_trainer_outlives_its_agent_and_is_found_again(pod: Pod) -> None:
    with start(pod, steps=60) as client:
        reach(client, 3)
        trainer = pod.trainers[0]
        trainer.suspend()  # it must not be done before a busy machine has started the agent again
        pod.inner.kill()
        wait_until(lambda: client.status().boot_count == 2)
        assert pod.trainers == [trainer]
        trainer.resume()
        wait_until(lambda: client.status().phase == "done")
        assert client.status().starts == 1
    assert sequence(pod) == list(range(62))


def test_a_trainer_that_ended_while_nobody_looked_has_ended(pod: Pod) -> None:
    with start(pod, steps=40) as client:
        reach(client, 1)
        pod.inner.suspend()
        wait_until(lambda: (pod.root / "runs/run-1/result.json").is_file())
        pod.inner.kill()
        wait_until(lambda: client.status().phase == "done")
        assert client.status().starts == 1


def test_after_the_host_has_died_training_goes_on_from_the_checkpoint(pod: Pod) -> None:
    with start(pod, steps=60) as client:
        state = client.status().state_id
        reach(client, 4)
        pod.power_off()
        pod.boot()
        wait_until(lambda: client.status().phase == "done")
        status = client.status()
        assert (status.starts, status.state_id) == (2, state)
        resumed = [
            json.loads(line)["resumed"]
            for line in client.events(0).data.splitlines()
            if b"resumed" in line
        ]
        assert resumed[0] == 0
        assert resumed[1] >= 4


def test_a_pod_that_is_restarted_again_and_again_fails_its_run(pod: Pod) -> None:
    with start(pod, steps=1000) as client:
        for _ in range(3):
            wait_until(lambda: bool(pod.trainers))
            pod.power_off()
            pod.boot()
        wait_until(lambda: client.status().phase == "failed")
        assert (client.status().reason, client.status().starts) == ("restarted", 3)
        assert not pod.trainers


def test_a_stopped_container_lets_the_trainer_save_and_goes_on_later(pod: Pod) -> None:
    with start(pod, steps=60) as client:
        reach(client, 3)
        assert pod.process is not None
        pod.process.send_signal(signal.SIGTERM)
        assert pod.process.wait(60) == 0
        assert json.loads((pod.root / "runs/run-1/state.json").read_text())["phase"] == "cancelled"
        pod.boot()
        wait_until(lambda: client.status().phase == "done")
        assert client.status().starts == 2


def test_a_cancel_is_not_forgotten_over_a_restart(pod: Pod) -> None:
    with start(pod, steps=1000, end="hang") as client:
        reach(client, 1)
        client.cancel()
        pod.power_off()
        pod.boot()
        wait_until(lambda: client.status().phase == "cancelled")
        assert client.status().starts == 1


def test_a_pod_that_lost_its_disk_is_told_from_one_that_waits(pod: Pod) -> None:
    with start(pod, steps=1000) as client:
        before = client.status()
        pod.power_off()
        for folder in ("runs", "code", "outputs"):
            shutil.rmtree(pod.root / folder, ignore_errors=True)
        pod.boot()
        after = client.status()
        assert (before.phase, after.phase) == ("running", "wait_input")
        assert before.state_id != after.state_id


def test_after_a_restart_the_trainer_waits_for_its_secrets(pod: Pod) -> None:
    bring_code(pod)
    needing = request(steps=60) | {"needs": ["HF_TOKEN"]}
    with pod.client() as client:
        client.send_secrets({"HF_TOKEN": "a-token"})
        client.start(needing)
        reach(client, 2)
        pod.power_off()
        pod.boot()
        wait_until(lambda: client.status().waiting_for == ("HF_TOKEN",))
        time.sleep(0.5)
        assert not pod.trainers
        client.send_secrets({"HF_TOKEN": "a-token"})
        wait_until(lambda: client.status().phase == "done")


def test_without_its_secrets_it_goes_on_after_a_while(tmp_path: Path) -> None:
    needing = request(steps=60) | {"needs": ["HF_TOKEN"]}
    with PodApi() as api, Pod(tmp_path, api, TEMPER_SECRET_WAIT=0.5) as pod:
        bring_code(pod)
        with pod.client() as client:
            client.send_secrets({"HF_TOKEN": "a-token"})
            client.start(needing)
            reach(client, 1)
            pod.power_off()
            pod.boot()
            wait_until(lambda: client.status().phase == "done")


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_it_comes_to_a_true_end(pod: Pod, seed: int) -> None:
    chance = random.Random(seed)
    started = False
    with pod.client() as client:
        bring_code(pod)
        for _ in range(6):
            with suppress(AppError):  # it may die in the middle of the very call
                if not started:
                    client.call("POST", "start", json=request(steps=60))
                    started = True
            time.sleep(chance.uniform(0, 0.6))
            if chance.random() < 0.3:
                pod.power_off()
                pod.boot()
            else:
                with suppress(IndexError, psutil.Error):
                    pod.inner.kill()
            assert len(pod.trainers) <= 1
        wait_until(lambda: client.status().phase in ("done", "failed"))
        status = client.status()
        assert status.phase == "done" or status.reason == "restarted"
    assert sequence(pod) == list(range(len(sequence(pod))))


def test_as_process_1_it_buries_whom_nobody_else_does(tmp_path: Path) -> None:
    alone = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        if os.environ.get("CI"):
            pytest.fail("CI can make no process namespace")
        pytest.skip("a process namespace of its own takes root")
    with PodApi() as api:
        pod = Pod(tmp_path, api)
        pod.boot(*alone, sys.executable, "-u", "-m", "trainer_image.agent")
        assert pod.process is not None
        first = psutil.Process(pod.process.pid).children()[0]
        with start(pod, steps=25) as client:
            reach(client, 2)
            first.children()[0].kill()
            wait_until(lambda: client.status().boot_count == 2)
            wait_until(lambda: client.status().phase == "done")
            assert client.status().starts == 1
        wait_until(lambda: len(first.children(recursive=True)) == 1)
        first.terminate()
        assert pod.process.wait(60) == 0


def test_a_new_pod_on_the_same_volume_goes_on_and_has_its_own_time(tmp_path: Path) -> None:
    with PodApi() as api:
        with Pod(tmp_path, api, TEMPER_MAX_SECONDS=8) as first, start(first, steps=1000) as client:
            before = client.status()
            reach(client, 2)
            assert api.deleted.wait(60)
        api.deleted.clear()
        api.pod_id = "pod2"
        with Pod(tmp_path, api, RUNPOD_POD_ID="pod2") as second, second.client() as client:
            status = client.status()
            assert (status.phase, status.starts, status.limit) == ("wait_input", 0, 600)
            assert status.age < 10
            assert status.state_id != before.state_id
            # The first one is known to be gone; it may have had no time to leave the volume.
            client.start(request(steps=3) | {"take_volume": True})
            wait_until(lambda: client.status().phase == "done")
            assert b'"resumed": 0' in client.events(0).data
            assert client.events(0).data.splitlines()[-1].count(b"finished")
        with Pod(tmp_path, api, RUNPOD_POD_ID="pod3") as third, third.client() as client:
            assert client.status().phase == "done"  # another pod may fetch what there is
            assert any(entry.path.endswith(".safetensors") for entry in client.artifacts())


def test_two_pods_never_write_to_one_volume(tmp_path: Path) -> None:
    with PodApi() as api, Pod(tmp_path, api) as first, start(first, steps=1000) as client:
        other = {"RUNPOD_POD_ID": "pod2", "TEMPER_RUN_ID": "run-2"}
        wish = request(steps=1) | {"run_id": "run-2"}
        with Pod(tmp_path, api, **other) as second, second.client() as stranger:
            with pytest.raises(AgentRefusalError, match="Another pod") as caught:
                stranger.start(wish)
            assert caught.value.facts["holder"] == "pod1"
            client.cancel()
            wait_until(lambda: client.status().phase == "cancelled")
            wait_until(lambda: not (tmp_path / ".temper-lock").exists())
            stranger.start(wish)
            wait_until(lambda: stranger.status().phase == "done")


def test_a_dead_pods_volume_can_be_taken_at_once_or_after_a_minute(pod: Pod) -> None:
    lock = pod.root / ".temper-lock"
    lock.write_text('{"pod": "dead", "run": "run-0"}')
    bring_code(pod)
    with pod.client() as client:
        with pytest.raises(AgentRefusalError, match="Another pod"):
            client.start(request(steps=1000))
        client.start(request(steps=1000) | {"take_volume": True})
        assert json.loads(lock.read_text())["pod"] == "pod1"
        pod.power_off()
        lock.write_text('{"pod": "dead", "run": "run-0"}')  # and so can ours be taken
        pod.boot()
        wait_until(lambda: client.status().phase == "cancelled")
        assert client.status().reason == "volume_taken"
        pod.power_off()
        shutil.rmtree(pod.root / "runs")
        os.utime(lock, (time.time() - 70, time.time() - 70))
        pod.boot()
        client.start(request(steps=1))
        wait_until(lambda: client.status().phase == "done")


def test_a_trainer_of_a_lost_record_is_ended(pod: Pod) -> None:
    start(pod, steps=1000).close()
    pod.inner.suspend()
    (pod.root / "runs/run-1/agent.json").unlink()
    pod.inner.kill()
    wait_until(lambda: not pod.trainers)
    with pod.client() as client:
        assert client.status().phase == "wait_input"


def test_a_damaged_record_does_not_keep_the_agent_from_working(pod: Pod) -> None:
    for content in ("", "{", "[]", '{"phase": 3}', '{"state_id": 1}'):
        pod.power_off()
        for name in ("agent.json", "agent-clock.json"):
            (pod.root / "runs/run-1" / name).write_text(content)
        pod.boot()
        with pod.client() as client:
            assert client.status().phase == "wait_input"
    with start(pod, steps=1) as client:
        wait_until(lambda: client.status().phase == "done")
