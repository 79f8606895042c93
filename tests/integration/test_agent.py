"""The agent on a pod looks after one run: over real HTTP, with real processes."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from models.domain.errors import AppError
from services.runpod.agent_client import AgentClient, AgentRefusalError
from tests.integration.pod_world import (
    KEY,
    TOKEN,
    Pod,
    PodApi,
    bring_code,
    request,
    start,
    wait_until,
)

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


@pytest.fixture
def pod(tmp_path: Path, api: PodApi) -> Iterator[Pod]:
    with Pod(tmp_path, api) as booted:
        yield booted


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """One for all tests that start no run."""
    with PodApi() as api, Pod(tmp_path_factory.mktemp("volume"), api) as booted:
        yield booted


def raw(pod: Pod, method: str, path: str, token: str = TOKEN, **sent: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or 'none'}"} | sent.pop("headers", {})
    return httpx.request(method, pod.url + path, headers=headers, **sent)


def test_a_run_is_started_followed_brought_home_and_its_pod_ends(pod: Pod, api: PodApi) -> None:
    with start(pod, steps=4) as client:
        events, offset = b"", 0
        while client.status().phase == "running":
            tail = client.events(offset, wait=5)
            events, offset = events + tail.data, tail.next_offset
        events += client.events(offset).data
        status = client.status()
        assert (status.phase, status.exit_code, status.starts) == ("done", 0, 1)
        assert [json.loads(line)["seq"] for line in events.splitlines()] == list(range(6))
        assert b"step 4" in client.log(0).data
        paths = {artifact.path for artifact in client.artifacts()}
        assert "outputs/x/adapter/adapter_model.safetensors" in paths
        assert {"runs/run-1/result.json", "runs/run-1/train.log"} <= paths
        assert not api.deleted.is_set()
        client.acknowledge()
    assert api.deleted.wait(60)
    manifest = json.loads((pod.root / "runs/run-1/manifest.json").read_text())
    assert {entry["path"] for entry in manifest["files"]} == paths
    wait_until(lambda: "step 4" in pod.log)  # Runpod's own log of the container has it, too


def test_whoever_has_no_token_learns_nothing(idle: Pod) -> None:
    assert raw(idle, "GET", "/v1/health", "").json() == {"ok": True}
    for token in ("", "wrong", hashlib.sha256(TOKEN.encode()).hexdigest()):
        for method, path in (("GET", "/v1/status"), ("POST", "/v1/ack"), ("GET", "/v1/log")):
            answer = raw(idle, method, path, token)
            assert (answer.status_code, answer.json()) == (401, {"error": "No."})
    with AgentClient(idle.url, "wrong") as stranger, pytest.raises(AppError) as caught:
        stranger.status()
    assert caught.value.kind == "agent_token"


def test_secrets_reach_the_trainer_and_nothing_that_is_written(pod: Pod) -> None:
    bring_code(pod)
    secret = "hf_a_secret_of_the_user"
    with pod.client() as client:
        with pytest.raises(AgentRefusalError) as caught:
            client.start(request() | {"needs": ["HF_TOKEN"]})
        assert caught.value.facts["missing_secrets"] == ["HF_TOKEN"]
        client.send_secrets({"HF_TOKEN": secret})
        client.start(request() | {"needs": ["HF_TOKEN"]})
        wait_until(lambda: client.status().phase == "done")
        last = json.loads(client.events(0).data.splitlines()[-1])
        assert last["token"] is True
        assert b"withheld: []" in client.log(0).data
        told = client.status()
    everything = repr(told) + "".join(
        path.read_text(errors="replace") for path in pod.root.rglob("*") if path.is_file()
    )
    for kept in (secret, KEY, TOKEN):
        assert kept not in everything
    arguments = [part for process in (pod.inner, pod.inner.parent()) for part in process.cmdline()]
    assert not {secret, KEY, TOKEN} & set(arguments)


def test_a_start_can_be_repeated_and_not_changed(pod: Pod) -> None:
    with start(pod, steps=1000) as client:
        assert client.start(request(steps=1000)).starts == 1
        with pytest.raises(AgentRefusalError, match="something else"):
            client.start(request(steps=2))
        assert len(pod.trainers) == 1


def test_a_start_that_cannot_be_is_refused(idle: Pod) -> None:
    bring_code(idle)
    cases: list[tuple[dict[str, object], int]] = [
        ({"run_id": "another"}, 409),
        ({"code": "absent.zip"}, 409),
        ({"inputs": ["datasets/absent.jsonl"]}, 409),
        ({"code": "../code.zip"}, 422),
        ({"inputs": ["../../etc/passwd"]}, 422),
        ({"job": {"output_directory": "/etc"}}, 422),
        ({"job": {"output_directory": "/data/../etc"}}, 422),
        ({"job": "x"}, 422),
        ({"needs": ["PATH"]}, 422),
        ({"environment": {"A": 1}}, 422),
    ]
    with idle.client() as client:
        for change, status in cases:
            with pytest.raises(AgentRefusalError) as caught:
                client.start(request() | change)
            assert (change, caught.value.status) == (change, status)
            assert client.status().phase == "wait_input"


def test_code_that_would_leave_its_folder_is_refused(idle: Pod) -> None:
    bring_code(idle)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.py", "")
    for content in (packed.getvalue(), b"no zip"):
        (idle.root / "code" / "code.zip").write_bytes(content)
        with idle.client() as client, pytest.raises(AgentRefusalError) as caught:
            client.start(request())
        assert caught.value.status == 422
    assert not list(idle.root.parent.rglob("evil.py"))


def test_no_path_leads_anywhere_else(idle: Pod) -> None:
    paths = (
        "/v1/artifacts/../../etc/passwd",
        "/v1/artifacts/%2e%2e/%2e%2e/etc/passwd",
        "/v1/artifacts/runs/run-1/agent.json",
        "/v1/inputs/runs/agent.json",
        "/v1/inputs/runs/run-1/agent.json",
        "/v1/inputs/runs/run-2/events.jsonl",
        "/v1/inputs/outputs/../runs/run-1/agent.json",
        "/v1/inputs/outputs/x/..%2f..%2fruns",
        "/v1/inputs/outputs/.x/a",
        "/v1/inputs/outputs//a",
        "/v1/inputs/datasets/..%2f..%2fetc%2fpasswd",
        "/v1/inputs/datasets/.hidden",
        "/v1/inputs",
        "/v1",
        "/",
        "/v2/status",
        "/v1/__class__",
    )
    for path in paths:
        answer = raw(idle, "GET", path, headers={"Range": "bytes=0-9"})
        assert (path, answer.status_code) == (path, 404)


def test_requests_that_make_no_sense_are_refused_and_the_agent_goes_on(pod: Pod) -> None:
    start(pod, steps=1).close()
    put = "/v1/inputs/datasets/a"
    assert raw(pod, "GET", "/v1/log?offset=x").status_code == 422
    assert raw(pod, "GET", "/v1/log?offset=99999999").status_code == 416
    assert raw(pod, "POST", "/v1/start", content=b"[]").status_code == 422
    assert raw(pod, "POST", "/v1/start", content=b"{").status_code == 422
    assert raw(pod, "PUT", put, content=iter([b"a"])).status_code == 411
    head = f"PUT {put} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 8388609\r\n\r\n"
    with socket.create_connection(("127.0.0.1", pod.port)) as link:
        link.sendall(head.encode())
        assert b" 413 " in link.recv(1000)
    assert raw(pod, "PUT", put, content=b"a").status_code == 422  # without its hash
    assert raw(pod, "DELETE", "/v1/status").status_code == 501
    assert raw(pod, "GET", "/v1/artifacts/runs/run-1/job.json").status_code == 404
    with pod.client() as client:
        wait_until(lambda: client.status().phase == "done")
        client.artifacts()
    assert raw(pod, "GET", "/v1/artifacts/runs/run-1/result.json").status_code == 416


def test_a_cancelled_trainer_saves_first(pod: Pod) -> None:
    with start(pod, steps=1000, pause=0.5) as client:
        wait_until(lambda: b"step 2" in client.log(0).data)
        assert client.cancel().phase == "running"
        wait_until(lambda: client.status().phase == "cancelled")
        status = client.status()
        assert (status.reason, status.exit_code) == ("cancelled", 130)
        assert "outputs/x/checkpoint.json" in {entry.path for entry in client.artifacts()}


def test_a_trainer_that_does_not_end_is_ended(tmp_path: Path, api: PodApi) -> None:
    with (
        Pod(tmp_path, api, TEMPER_STOP_SECONDS=0.5) as pod,
        start(pod, steps=1, end="hang") as client,
    ):
        wait_until(lambda: b"step" in client.log(0).data)
        client.cancel()
        wait_until(lambda: client.status().phase == "cancelled")
        assert client.status().exit_code == 137
        assert not pod.trainers


def test_a_failed_trainer_is_told_and_the_pod_stays_for_its_log(pod: Pod, api: PodApi) -> None:
    with start(pod, steps=1, end="fail") as client:
        wait_until(lambda: client.status().phase == "failed")
        assert (client.status().reason, client.status().exit_code) == ("exit", 1)
        assert b"step 1" in client.log(0).data
        assert not api.deleted.is_set()


def test_nothing_can_be_acknowledged_before_the_end(pod: Pod, api: PodApi) -> None:
    with start(pod, steps=1000) as client:
        with pytest.raises(AgentRefusalError, match="not ended"):
            client.acknowledge()
        assert not api.deleted.is_set()


def test_whoever_waits_for_the_log_gets_it_as_soon_as_it_is_there(pod: Pod) -> None:
    with start(pod, steps=2, pause=0.6) as client:
        offset = client.log(0, wait=10).next_offset
        began = time.monotonic()
        assert b"step 1" in client.log(offset, wait=20).data
        assert time.monotonic() - began < 18


def test_more_callers_than_there_is_room_for_are_turned_away(idle: Pod) -> None:
    waiting = [socket.create_connection(("127.0.0.1", idle.port)) for _ in range(60)]
    try:
        with idle.client(tries=1) as client, pytest.raises(AppError) as caught:
            client.status()
        assert caught.value.kind == "agent_unreachable"
    finally:
        for link in waiting:
            link.close()
    with idle.client() as client:
        assert client.status().phase == "wait_input"
