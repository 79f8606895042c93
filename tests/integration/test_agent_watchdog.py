"""A pod ends in time and by itself: no window, no restart and no clock can keep it alive."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from services.runpod.agent_package import (
    AGENT_VARIABLE,
    LARGEST_AGENT,
    agent_args,
    agent_variable,
    pack_code,
)
from tests.integration.pod_world import (
    KEY,
    ROOT,
    TOKEN,
    Pod,
    PodApi,
    start,
    wait_until,
)
from trainer_image import agent_clock
from trainer_image.agent_clock import PaidTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]


@pytest.fixture
def api() -> Iterator[PodApi]:
    with PodApi() as emulator:
        yield emulator


def test_at_its_limit_the_pod_ends_whatever_it_is_doing(tmp_path: Path, api: PodApi) -> None:
    began = time.monotonic()
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=5, TEMPER_STOP_RESERVE=0) as pod:
        start(pod, steps=1000, end="hang").close()
        assert 5 <= api.lived(began) < 25
        wait_until(lambda: "limit" in pod.log)
        wait_until(lambda: not pod.trainers)


def test_a_volume_that_does_not_answer_keeps_no_pod_alive(tmp_path: Path, api: PodApi) -> None:
    with (
        Pod(tmp_path, api, TEMPER_MAX_SECONDS=6, TEMPER_STOP_RESERVE=2) as pod,
        start(pod, steps=1000, end="hang"),
    ):
        for name in ("agent.json.tmp", "agent-clock.json.tmp"):
            wait_until(partial(_block, tmp_path / "runs/run-1" / name))
        assert api.deleted.wait(60)
        wait_until(lambda: not pod.trainers)


def _block(path: Path) -> bool:
    """Whoever writes here waits for ever; not while somebody does."""
    with suppress(FileExistsError):
        os.mkfifo(path)
        return True
    return False


def test_an_agent_that_cannot_read_its_volume_gives_the_pod_back(
    tmp_path: Path, api: PodApi
) -> None:
    (tmp_path / "runs/run-1").mkdir(parents=True)
    os.mkfifo(tmp_path / "runs/run-1/agent-clock.json")  # whoever reads here waits for ever
    pod = Pod(tmp_path, api, TEMPER_BOOT_GRACE=2)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "trainer_image.agent"], cwd="/", env=pod.environ,
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert api.lived(began) >= 2
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_window_whose_clock_is_wrong_neither_ends_nor_lengthens_a_pod(
    tmp_path: Path, api: PodApi, hours: int
) -> None:
    created = time.time() + hours * 3600
    began = time.monotonic()
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=4, TEMPER_CREATED_AT=f"{created:.0f}"):
        assert 2 <= api.lived(began) < 60  # Runpod tells the age in whole seconds


def test_where_runpod_does_not_tell_a_pods_age_the_window_has(tmp_path: Path, api: PodApi) -> None:
    api.refusals["GET"] = 403
    created = time.time() - 90
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=80, TEMPER_CREATED_AT=f"{created:.0f}"):
        assert api.deleted.wait(60)


def test_shortly_before_the_limit_the_trainer_may_save(tmp_path: Path, api: PodApi) -> None:
    with (
        Pod(tmp_path, api, TEMPER_MAX_SECONDS=300, TEMPER_STOP_RESERVE=28) as pod,
        start(pod, steps=1000) as client,
    ):
        wait_until(lambda: b"step 2" in client.log(0).data)
        api.age = 275  # known from the next boot on
        pod.inner.kill()
        wait_until(lambda: client.status().phase == "cancelled")
        assert client.status().reason == "limit"
        assert not api.deleted.is_set()


def test_a_trainer_that_is_ended_at_the_limit_has_ended_for_that(
    tmp_path: Path, api: PodApi
) -> None:
    """Seen where the pod's own key is refused: then its agent goes on, and tells. The trainer was
    not asked to save, since the pod slept, or was restarted, in the time for that."""
    api.refusals |= {"DELETE": 403, "POST": 403}
    limits = {"TEMPER_MAX_SECONDS": 5, "TEMPER_STOP_RESERVE": 0}
    with Pod(tmp_path, api, **limits) as pod, start(pod, steps=1000, end="hang") as client:
        wait_until(lambda: client.status().phase != "running")
        status = client.status()
        assert (status.phase, status.reason, status.starts) == ("cancelled", "limit", 1)


def test_a_restart_gives_no_new_time(tmp_path: Path, api: PodApi) -> None:
    api.refusals["GET"] = 403  # so Runpod does not tell how old the pod is
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=10) as pod:
        time.sleep(7)
        pod.power_off()
        again = time.monotonic()
        pod.boot()
        assert api.lived(again) < 10


def test_a_wiped_disk_gives_no_new_time_either(tmp_path: Path, api: PodApi) -> None:
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=100) as pod:
        assert not api.deleted.wait(1)
        pod.power_off()
        shutil.rmtree(tmp_path / "runs")
        api.age = 101
        pod.boot()
        assert api.deleted.wait(60)


def test_the_money_is_a_limit_by_the_pods_real_price(tmp_path: Path, api: PodApi) -> None:
    api.cost = 3600.0  # a dollar a second
    with Pod(tmp_path, api, TEMPER_MAX_COST=1, TEMPER_PRICE_PER_HOUR=1):
        assert api.deleted.wait(60)


def test_a_pod_that_nobody_starts_a_run_on_ends(tmp_path: Path, api: PodApi) -> None:
    with Pod(tmp_path, api, TEMPER_BOOT_GRACE=4) as pod:
        until = time.monotonic() + 6
        while time.monotonic() < until:  # as long as something is being sent it waits
            with pod.client() as client:
                client.call("PUT", "inputs/datasets/x", params={"offset": "0"}, content=b"",
                            headers={"X-Content-SHA256": _EMPTY})  # fmt: skip
            time.sleep(0.2)
        assert not api.deleted.is_set()
        assert api.deleted.wait(60)
        wait_until(lambda: "not_started" in pod.log)


_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_result_that_nobody_fetches_is_kept_for_a_while(tmp_path: Path, api: PodApi) -> None:
    with Pod(tmp_path, api, TEMPER_RETRIEVE_GRACE=5) as pod, start(pod, steps=1) as client:
        wait_until(lambda: client.status().phase == "done")
        assert not api.deleted.wait(2)
        assert client.status().ends_in < 3.5
        fetched = time.monotonic()
        assert client.artifacts()  # whoever fetches gets more time
        assert api.lived(fetched) >= 5


def test_a_trainer_without_a_sign_of_life_is_ended(tmp_path: Path, api: PodApi) -> None:
    with (
        Pod(tmp_path, api, TEMPER_SILENCE_SECONDS=1, TEMPER_STOP_SECONDS=0.5) as pod,
        start(pod, end="silent") as client,
    ):
        wait_until(lambda: client.status().phase == "failed")
        assert client.status().reason == "silent"


def test_it_asks_until_the_pod_is_gone(tmp_path: Path, api: PodApi) -> None:
    api.refusals |= {"DELETE": 500, "POST": 500}
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=1) as pod:
        wait_until(lambda: api.asked("DELETE") >= 3)
        assert api.asked("POST") >= 2
        with pod.client() as client:
            assert client.status().ending == "limit"
        del api.refusals["DELETE"]
        assert api.deleted.wait(60)
        before = api.asked("DELETE")
        wait_until(lambda: api.asked("DELETE") > before)  # it is still here, so it is not gone


def test_where_deleting_is_refused_it_terminates(tmp_path: Path, api: PodApi) -> None:
    api.refusals["DELETE"] = 405
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=1):
        assert api.deleted.wait(60)


@pytest.mark.parametrize("way", ["sdk", "runpodctl"])
def test_without_rest_it_takes_another_way(tmp_path: Path, api: PodApi, way: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    calls = tmp_path / "calls"
    if way == "sdk":
        (tools / "runpod.py").write_text(
            "import json\n"
            "def get_pod(pod): return {'id': pod}\n"
            "def terminate_pod(pod):\n"
            f" with open({str(calls)!r}, 'a') as f: f.write(f'delete {{pod}} {{api_key}}')\n"
        )
    else:
        program = tools / "runpodctl"
        program.write_text(
            f'#!/bin/sh\necho "$@ $RUNPOD_API_KEY" >> {calls}\n[ "$1" = get ] || [ "$1" = remove ]'
        )
        program.chmod(0o755)
    api.refusals |= {"GET": 403, "DELETE": 403, "POST": 403}
    environ = {"PYTHONPATH": f"{ROOT}:{tools}", "PATH": f"{tools}:/usr/bin:/bin"}
    with Pod(tmp_path, api, TEMPER_MAX_SECONDS=2, **environ) as pod:
        with pod.client() as client:
            wait_until(lambda: client.status().self_delete_tried)
            assert client.status().self_delete == way
        wait_until(
            lambda: calls.exists() and KEY in calls.read_text() and "pod1" in calls.read_text()
        )
        wait_until(lambda: f"asked for: {way}" in pod.log)


def test_the_window_is_told_when_the_pod_cannot_end_itself(tmp_path: Path, api: PodApi) -> None:
    api.refusals["GET"] = 403
    with Pod(tmp_path, api) as pod, pod.client() as client:
        wait_until(lambda: client.status().self_delete_tried)
        status = client.status()
        assert (status.self_delete, "403" in status.self_delete_detail) == ("", True)
        del api.refusals["GET"]
        wait_until(lambda: client.status().self_delete == "rest")
        assert (client.status().price, client.status().limit) == (0.5, 600)


@pytest.mark.parametrize("wrong", ["TEMPER_TOKEN_SHA256", "TEMPER_RUN_ID", "TEMPER_MAX_SECONDS"])
def test_a_pod_of_no_use_ends_at_once(tmp_path: Path, api: PodApi, wrong: str) -> None:
    pod = Pod(tmp_path, api)
    command = [sys.executable, "-m", "trainer_image.agent"]
    environ = pod.environ | {wrong: "../x"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert api.deleted.wait(60)
        assert process.poll() is None  # and does not end, or it would be started again
        process.kill()
        said = process.stdout.read() if process.stdout else ""
    assert wrong in said
    assert KEY not in said


def test_an_agent_that_cannot_live_deletes_its_pod(tmp_path: Path, api: PodApi) -> None:
    pod = Pod(tmp_path, api, TEMPER_AGENT_PORT=api.url.rpartition(":")[2])  # taken already
    sooner = "import trainer_image.agent as agent; agent._MOST_SOON = 2; agent.main()"
    with (tmp_path / "pod.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", sooner], env=pod.environ, stdout=log, stderr=log
        )
    assert api.deleted.wait(60)
    process.kill()
    process.wait()


def test_a_clock_that_is_moved_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    kernel = [1000.0]
    monkeypatch.setattr(agent_clock, "kernel_seconds", lambda: kernel[0])
    path = tmp_path / "clock.json"
    paid = PaidTime(path, 100, None)
    kernel[0] += 30
    for moved in (-86400, 0, 86400):
        monkeypatch.setattr(agent_clock.time, "time", lambda moved=moved: now + moved)
        assert paid.age == 30
        paid.store()
        kernel[0] += 5
        again = PaidTime(path, 1000, None)
        assert (again.age, again.limit) == (35, 100)  # and a restart raises no limit
        kernel[0] -= 5


def test_on_another_kernel_the_calendar_tells_how_long_a_restart_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    monkeypatch.setattr(agent_clock.time, "time", lambda: now[0])
    monkeypatch.setattr(agent_clock, "kernel_seconds", lambda: 50.0)
    path = tmp_path / "clock.json"
    paid = PaidTime(path, 100, created_at=now[0] - 20)
    assert paid.age == 0  # Runpod knows better than the window
    paid.believe_window()
    assert paid.age == 20
    paid.store()
    monkeypatch.setattr(agent_clock, "kernel_boot", lambda: "another")
    now[0] += 7
    assert PaidTime(path, 100, None).age == 27
    now[0] -= 5000
    assert PaidTime(path, 100, None).age == 20  # never younger
    old = PaidTime(path, 100, None)
    old.is_at_least(60)
    old.is_at_least(40)
    old.tighten(90)
    old.tighten(95)
    assert (old.age, old.limit) == (60, 90)


def test_the_agent_travels_in_one_variable_to_an_image_that_has_only_python(
    tmp_path: Path, api: PodApi
) -> None:
    packed = agent_variable(ROOT / "trainer_image")
    assert len(packed) < LARGEST_AGENT
    assert packed == agent_variable(ROOT / "trainer_image")
    args = json.loads(agent_args())
    assert args["entrypoint"][0] == "python3"
    pod = Pod(tmp_path, api, **{AGENT_VARIABLE: packed, "PYTHONPATH": ""})
    try:
        # -I and -S: neither this project nor any installed package is there to help.
        pod.boot(sys.executable, "-S", *args["entrypoint"][1:], *args["cmd"])
        with start(pod, steps=1) as client:
            wait_until(lambda: client.status().phase == "done")
    finally:
        pod.power_off()


def test_the_real_trainers_code_is_code_to_the_agent(tmp_path: Path, api: PodApi) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "code.zip").write_bytes(pack_code(ROOT / "trainer_image"))
    job = {"run_id": "run-1", "output_directory": "/data/outputs/x"}
    with Pod(tmp_path, api) as pod, pod.client() as client:
        client.start({"run_id": "run-1", "job": job, "code": "code.zip"})
        wait_until(lambda: client.status().phase == "failed")
        assert client.status().exit_code == 2  # it has read the job, and refused it
        assert b"base_model" in client.log(0).data
    assert TOKEN not in pod.log
