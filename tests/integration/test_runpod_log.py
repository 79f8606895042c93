"""A pod's log, read from a stream that never ends, loses lines and refuses cursors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.runpod.pod_log import CONTAINER, SYSTEM, PodLog, events
from services.runpod.refusals import RunpodError
from tests.emulators.runpod import podlog
from tests.emulators.runpod.faults import Boot
from tests.emulators.server import Reply
from tests.integration.runpod_world import client_of, new_pod, wait_for, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.runpod.client import RunpodClient
    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = pytest.mark.slow
COUNT = (
    "import time\nfor n in range(30):\n    print('line', n)\n    time.sleep(0.02)\ntime.sleep(99)"
)
EXPECTED = [f"line {n}" for n in range(30)]


@pytest.fixture
def runpod() -> Iterator[RunpodEmulator]:
    with world(speed=200) as emulator:
        yield emulator


@pytest.fixture
def client(runpod: RunpodEmulator) -> Iterator[RunpodClient]:
    with client_of(runpod) as found:
        yield found


def read(log: PodLog, enough: Callable[[list[str]], bool], openings: int = 400) -> list[str]:
    texts: list[str] = []
    for _ in range(openings):
        for line in log.read(lambda: enough(texts)):
            texts.append(line.text)
        if enough(texts):
            break
    return texts


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("lost", [0, 3])
def test_every_line_comes_once_though_connections_lose_some(
    runpod: RunpodEmulator, client: RunpodClient, lost: int, refused: bool
) -> None:
    runpod.broken.lost_lines, runpod.broken.no_cursors = lost, refused
    pod = client.create_pod(new_pod(COUNT))
    log = PodLog(client.transport, pod.id, CONTAINER, reopen=0.15)
    texts = read(log, lambda found: len(found) >= len(EXPECTED))
    assert sorted(texts, key=EXPECTED.index) == EXPECTED
    if not lost:
        assert texts == EXPECTED


def test_a_slow_connection_does_not_end_before_it_has_brought_what_was_lost(
    client: RunpodClient, runpod: RunpodEmulator
) -> None:
    runpod.broken.lost_lines = 3
    pod = client.create_pod(new_pod(COUNT))
    log = PodLog(client.transport, pod.id, CONTAINER, reopen=0.0)  # its time is up at once
    texts = read(log, lambda found: len(found) >= len(EXPECTED), 4000)
    assert sorted(texts, key=EXPECTED.index) == EXPECTED


@pytest.mark.parametrize("bare", [False, True])
def test_lines_of_one_second_are_not_lost_to_ids_and_cursors_that_know_only_seconds(
    monkeypatch: pytest.MonkeyPatch, bare: bool
) -> None:
    monkeypatch.setattr(podlog, "KEEPALIVE", 0.5)
    with world(speed=1) as runpod, client_of(runpod) as client:
        runpod.cloud.delays.provision = runpod.cloud.delays.start = runpod.cloud.delays.pull = 0
        runpod.broken.lost_lines, runpod.broken.bare_ids = 2, bare
        pod = client.create_pod(new_pod(COUNT))
        log = PodLog(client.transport, pod.id, CONTAINER, reopen=0.2)
        texts = read(log, lambda found: len(found) >= len(EXPECTED))
    assert sorted(texts, key=EXPECTED.index) == EXPECTED


def test_both_sources_tell_of_the_pull_and_the_start(client: RunpodClient) -> None:
    pod = client.create_pod(new_pod("print('I am up'); import time; time.sleep(99)"))
    texts = read(PodLog(client.transport, pod.id), lambda found: "I am up" in found)
    assert texts[0].startswith("create container")
    assert sum("Pull complete" in text for text in texts) == 4
    assert texts[-2].startswith("start container for")


def test_an_old_driver_is_seen(runpod: RunpodEmulator, client: RunpodClient) -> None:
    runpod.broken.boots.append(Boot.OLD_DRIVER)
    pod = client.create_pod(new_pod())
    log = PodLog(client.transport, pod.id, SYSTEM)
    texts = read(log, lambda found: sum("unsatisfied condition: cuda" in t for t in found) >= 3)
    assert "nvidia-container-cli: requirement error" in texts[-1]
    assert client.pod(pod.id) is not None


def test_silence_is_not_an_error_and_ends_the_connection(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    runpod.cloud.delays.provision = 1e6
    pod = client.create_pod(new_pod())
    begun = time.monotonic()
    assert list(PodLog(client.transport, pod.id, silent=0.2).read()) == []
    assert time.monotonic() - begun < 20


def test_keepalives_let_a_reader_look_whether_it_is_still_wanted(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = client.create_pod(new_pod(image="docker.io/sbussiso/unsloth-trainer:latest"))
    wait_for(lambda: (found := client.pod(pod.id)) and found.uptime)
    log = PodLog(client.transport, pod.id, silent=40)
    looks = iter([False] * 30 + [True] * 99)
    begun = time.monotonic()
    list(log.read(lambda: next(looks)))
    assert time.monotonic() - begun < 30


def test_a_pod_that_is_gone_and_a_key_that_may_not_are_told(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = client.create_pod(new_pod())
    log = PodLog(client.transport, pod.id)
    client.end_pod(pod.id)
    with pytest.raises(RunpodError) as caught:
        list(log.read())
    assert caught.value.kind == "not_found"
    runpod.faults.append(Reply(403, b"{}"))
    with pytest.raises(RunpodError) as caught:
        list(log.read())
    assert caught.value.kind == "forbidden"


def test_a_stream_ends_with_its_pod(runpod: RunpodEmulator, client: RunpodClient) -> None:
    pod = client.create_pod(new_pod("print('up'); import time; time.sleep(99)"))
    log = PodLog(client.transport, pod.id, CONTAINER)
    stream = log.read()
    assert next(stream).text == "up"
    runpod.end_in_console(pod.id)
    assert list(stream) == []


def test_events_are_read_by_the_standard() -> None:
    lines = ["id: 1", "data: a", "data:b", "", ": keepalive", "", "event", "", "data: cut"]
    assert list(events(lines)) == [{"id": "1", "data": "a\nb"}, {}, {"event": ""}]
