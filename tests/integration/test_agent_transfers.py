"""Files to a pod and home again, through a proxy that cuts: whole, or told why not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from models.domain.errors import AppError
from services.progress import Cancelled, CancelToken, Progress
from services.runpod.agent_client import AgentClient, AgentRefusalError, Artifact, unreachable
from services.runpod.agent_files import Watch, bring_home, download, transfer_progress, upload
from tests.benchmarks.bench_agent_transfer import CUTS, LIMIT_MB, measure
from tests.emulators.server import Emulator, Reply
from tests.integration.pod_world import TOKEN, CuttingProxy, Pod, PodApi, start, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO
    from pathlib import Path

    from tests.emulators.server import Request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]
NAME = "datasets/rows.jsonl"


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    volume = tmp_path / "volume"
    volume.mkdir()
    with PodApi() as api, Pod(volume, api) as booted:
        yield booted


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with PodApi() as api, Pod(tmp_path_factory.mktemp("volume"), api) as booted:
        yield booted


@pytest.fixture
def idle(shared: Pod) -> Pod:
    """One for all tests that start no run; nothing has been sent to it yet."""
    shutil.rmtree(shared.root / "datasets", ignore_errors=True)
    return shared


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(os.urandom(20_000_000))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_through_ten_cuts_each_way_with_little_memory(tmp_path: Path) -> None:
    found = measure(int(os.environ.get("TEMPER_SOAK_2**20S") or 64), tmp_path)
    assert found["cuts"] == 2 * CUTS
    assert found["client_peak_mb"] < LIMIT_MB
    assert found["agent_peak_mb"] < LIMIT_MB


def test_an_upload_goes_on_where_an_earlier_one_ended(idle: Pod, source: Path) -> None:
    token, reports = CancelToken(), list[Progress]()

    def report(progress: Progress) -> None:
        reports.append(progress)
        if progress.fraction:
            token.cancel()

    with idle.client() as client:
        with pytest.raises(Cancelled):
            upload(client, source, NAME, sha256(source), Watch(report, token))
        first = len(reports)
        idle.power_off()  # and the window is started again, too
    idle.boot()
    with idle.client() as client:
        upload(client, source, NAME, sha256(source), Watch(reports.append))
    assert reports[first].fraction == reports[first - 1].fraction
    assert reports[-1] == Progress(1.0, "Sending rows.jsonl: 20.0 of 20.0 MB")
    assert sha256(idle.root / NAME) == sha256(source)


@pytest.mark.parametrize(
    ("size", "says"),
    [(20_000_000, "10.0 of 20.0 MB"), (30_000, "15 of 30 kB"), (90, "45 of 90 bytes"),
     (0, "0 of 0 bytes")],
)  # fmt: skip
def test_small_files_are_not_told_as_nothing_of_nothing(size: int, says: str) -> None:
    assert transfer_progress("Fetching", "x", size // 2, size).message == f"Fetching x: {says}"


def test_an_agent_killed_in_the_middle_loses_nothing(idle: Pod, source: Path) -> None:
    killed = threading.Event()

    def report(progress: Progress) -> None:
        if progress.fraction and not killed.is_set():
            killed.set()
            idle.inner.kill()

    with idle.client() as client:
        upload(client, source, NAME, sha256(source), Watch(report))
    assert sha256(idle.root / NAME) == sha256(source)


def test_what_came_by_another_way_is_checked_and_not_sent(idle: Pod, source: Path) -> None:
    (idle.root / "datasets").mkdir()
    (idle.root / NAME).write_bytes(source.read_bytes())
    reports: list[Progress] = []
    with idle.client() as client:
        upload(client, source, NAME, sha256(source), Watch(reports.append))
    assert [progress.fraction for progress in reports] == [1.0]


def test_what_lies_there_and_is_another_file_is_replaced(idle: Pod, source: Path) -> None:
    (idle.root / "datasets").mkdir()
    part = "datasets/.rows.jsonl.part"
    with idle.client() as client:
        for name, megabytes in ((part, 5), (part, 30), (NAME, 20), (NAME, 30)):
            (idle.root / NAME).unlink(missing_ok=True)
            (idle.root / name).write_bytes(b"x" * megabytes * 1_000_000)
            upload(client, source, NAME, sha256(source), Watch())
            assert sha256(idle.root / NAME) == sha256(source)
            assert not list(idle.root.glob("datasets/.*"))


def test_a_piece_that_was_changed_on_its_way_is_not_kept(idle: Pod) -> None:
    headers = {"X-Content-SHA256": hashlib.sha256(b"right").hexdigest()}
    with idle.client() as client:
        with pytest.raises(AgentRefusalError) as caught:
            client.once("PUT", f"inputs/{NAME}", content=b"wrong", headers=headers)
        assert caught.value.facts["corrupted"] is True
        assert client.once("GET", f"inputs/{NAME}").json() == {"size": 0, "complete": False}


def test_a_full_volume_is_told_and_the_agent_lives_on(
    tmp_path: Path, source: Path, mount: Callable[..., Path]
) -> None:
    volume = mount(tmp_path / "small", "size=10m")
    with PodApi() as api, Pod(volume, api) as pod, pod.client() as client:
        with pytest.raises(AppError) as caught:
            upload(client, source, NAME, sha256(source), Watch())
        assert (caught.value.kind, "full" in caught.value.message) == ("pod_disk_full", True)
        size = client.once("GET", f"inputs/{NAME}").json()["size"]
        assert (volume / "datasets" / ".rows.jsonl.part").stat().st_size == size
        assert client.status().phase == "wait_input"


def adapter_of(client: AgentClient) -> Artifact:
    wait_until(lambda: client.status().phase == "done")
    return next(entry for entry in client.artifacts() if entry.path.endswith(".safetensors"))


def test_a_download_goes_on_after_the_window_and_the_pod_were_restarted(
    pod: Pod, tmp_path: Path
) -> None:
    target = tmp_path / "home" / "adapter_model.safetensors"
    token = CancelToken()
    with start(pod, steps=1, size=20_000_000) as client:
        adapter = adapter_of(client)
        watch = Watch(lambda progress: token.cancel(), token)
        with pytest.raises(Cancelled):
            download(client, adapter, target, watch)
    assert not target.exists()
    pod.power_off()
    pod.boot()
    reports: list[Progress] = []
    with pod.client() as client:
        assert adapter in client.artifacts()
        download(client, adapter, target, Watch(reports.append))
    assert reports[0].fraction is not None
    assert reports[0].fraction > 0.5
    assert sha256(target) == adapter.sha256
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_what_an_earlier_download_of_something_else_left_is_not_believed(
    pod: Pod, tmp_path: Path
) -> None:
    with start(pod, steps=1, size=2_000_000) as client:
        adapter = adapter_of(client)
        for size in (1_000_000, 2_000_000, 3_000_000):
            (tmp_path / ".adapter.part").write_bytes(b"x" * size)
            (tmp_path / "adapter").unlink(missing_ok=True)
            download(client, adapter, tmp_path / "adapter", Watch())
            assert sha256(tmp_path / "adapter") == adapter.sha256


def test_an_empty_file_is_a_file(pod: Pod, tmp_path: Path) -> None:
    empty = tmp_path / "rows.jsonl"
    empty.touch()
    with start(pod, steps=1, size=0) as client:
        upload(client, empty, NAME, sha256(empty), Watch())
        download(client, adapter_of(client), tmp_path / "adapter", Watch())
    assert (pod.root / NAME).read_bytes() == (tmp_path / "adapter").read_bytes() == b""


def test_no_room_at_home_is_told_and_what_came_is_kept(
    pod: Pod, tmp_path: Path, mount: Callable[..., Path]
) -> None:
    home = mount(tmp_path / "small", "size=10m")
    with start(pod, steps=1, size=20_000_000) as client:
        adapter = adapter_of(client)
        with pytest.raises(AppError) as caught:
            download(client, adapter, home / "adapter", Watch())
        assert caught.value.kind == "disk_full"
        assert (home / ".adapter.part").stat().st_size == 8 * 1024 * 1024


def test_a_line_that_stays_down_ends_in_one_sentence(
    idle: Pod, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runpod.agent_files.wait_after", lambda attempt: 0.01)
    with (
        CuttingProxy(idle.port, [1000] * 1000) as proxy,
        idle.client(tries=2, url=proxy.url) as client,
        pytest.raises(AppError, match="cannot be reached just now") as caught,
    ):
        upload(client, source, NAME, sha256(source), Watch())
    assert caught.value.kind == "agent_unreachable"
    assert TOKEN not in str(caught.value) + caught.value.details


class Proxy(Emulator):
    """Answers as Runpod's proxy does while no agent listens behind it."""

    status = 502
    agent = False
    body = b"Bad Gateway"

    def answer(self, request: Request) -> Reply:
        headers = {"X-Temper-Agent": "1"} if self.agent else {"Server": "cloudflare"}
        return Reply(self.status, self.body, headers)


@pytest.mark.parametrize("status", [200, 302, 401, 404, 502, 503, 524])
def test_only_the_agent_speaks_for_the_agent(status: int) -> None:
    with Proxy() as proxy, AgentClient(proxy.url, TOKEN, tries=2, pause=lambda _: None) as client:
        proxy.status = status
        assert not client.is_listening()
        with pytest.raises(AppError) as caught:
            client.status()
        assert caught.value.kind == "agent_unreachable"
        assert len(proxy.requests) == 3
        assert all(TOKEN not in request.target for request in proxy.requests)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"files": 1}', b'{"self_delete": {}}'],
)
def test_an_answer_of_another_version_is_no_crash(body: bytes) -> None:
    with Proxy() as proxy, AgentClient(proxy.url, TOKEN) as client:
        proxy.status, proxy.agent, proxy.body = 200, True, body
        for call in (client.status, client.artifacts, lambda: client.log(0)):
            with pytest.raises(AppError) as caught:
                call()
            assert caught.value.kind == "bad_answer"


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "C:/x", "a\\b", "", "a/./b", "a\0b"]
)
def test_a_pods_list_of_files_leads_nowhere_else(path: str) -> None:
    entry = {"path": path, "size": 1, "sha256": "0" * 64}
    with Proxy() as proxy, AgentClient(proxy.url, TOKEN) as client:
        proxy.status, proxy.agent = 200, True
        proxy.body = json.dumps({"complete": True, "files": [entry]}).encode()
        with pytest.raises(AppError) as caught:
            client.artifacts()
        assert caught.value.kind == "bad_answer"


def test_a_file_that_always_comes_changed_is_refused(tmp_path: Path) -> None:
    body = b"changed"

    class Liar(Emulator):
        def answer(self, request: Request) -> Reply:
            headers = {"X-Temper-Agent": "1"}
            digest = hashlib.sha256(body).hexdigest()
            return Reply(206, body, headers | {"X-Content-SHA256": digest})

    with Liar() as liar, AgentClient(liar.url, TOKEN) as client:
        artifact = Artifact("a", len(body), hashlib.sha256(b"as made").hexdigest())
        with pytest.raises(AppError, match="arrived changed twice") as caught:
            download(client, artifact, tmp_path / "a", Watch())
    assert caught.value.kind == "corrupted"
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_is_not_followed_with_the_token(tmp_path: Path) -> None:
    with Proxy() as other, Proxy() as proxy:

        def answer(request: Request) -> Reply:
            return Reply(307, b"", {"Location": other.url, "X-Temper-Agent": "1"})

        proxy.answer = answer  # type: ignore[method-assign]
        with AgentClient(proxy.url, TOKEN) as client, pytest.raises(AppError):
            client.status()
        assert other.requests == []
        assert httpx.get(other.url).status_code == 502


def test_a_folder_comes_with_its_names_and_nothing_is_replaced_once_the_run_has_begun(
    pod: Pod, tmp_path: Path
) -> None:
    source = tmp_path / "a #1.bin"
    source.write_bytes(b"checkpoint")
    name = "outputs/x/checkpoints/checkpoint-1/a #1 ä.bin"
    history = "runs/run-1/events.jsonl"
    with pod.client() as client:
        for there in (name, history):
            upload(client, source, there, sha256(source), Watch())
            assert (pod.root / there).read_bytes() == b"checkpoint"
        with start(pod, steps=1):
            pass
        for there in (name, history):
            with pytest.raises(AgentRefusalError) as caught:
                upload(client, source, there, sha256(tmp_path / "a #1.bin")[::-1], Watch())
            assert caught.value.status == 409
        assert (pod.root / name).read_bytes() == b"checkpoint"


def test_a_line_that_is_too_slow_for_a_large_piece_is_not_tried_with_one_again_and_again(
    tmp_path: Path,
) -> None:
    """The proxy cuts what takes longer than 100 seconds, and those are paid for."""
    size, most = 48 * 2**20, 3 * 2**20
    cuts: list[int] = []

    def get(_artifact: Artifact, file: FileIO, _offset: int, length: int) -> None:
        if length > most:
            cuts.append(length)
            raise unreachable("cut")
        file.write(bytes(length))

    artifact = Artifact("outputs/x", size, hashlib.sha256(bytes(size)).hexdigest())
    bring_home(get, artifact, tmp_path / "x", Watch())
    assert len(cuts) <= 5
