"""An engine that takes connections and never answers, as one that was stopped in its tracks."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, cast

import pytest

from models.domain.errors import AppError
from models.domain.run import ContainerHandle
from services.docker import sdk
from services.docker.engine import AGAIN_SECONDS, DockerEngine
from services.run_files import RunFolder
from services.runners import log_pump
from services.runners.docker import DockerRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.install_id import InstallId

pytestmark = pytest.mark.slow


@pytest.fixture
def handle(tmp_path: Path) -> Iterator[ContainerHandle]:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "mute.sock"))
        listening.listen(64)
        yield ContainerHandle("0" * 64, "temper-1", f"unix://{tmp_path / 'mute.sock'}")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path, "1")
    folder.path.mkdir(parents=True)
    return folder


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerRunner]:
    monkeypatch.setattr(sdk, "TIMEOUT_SECONDS", 3.0)
    monkeypatch.setattr(log_pump, "FIRST_LOOK_SECONDS", 0.1)
    found = DockerRunner(DockerEngine({}), lambda: None, cast("InstallId", None))
    yield found
    found.close()


def test_stopping_and_reminding_wait_for_no_answer(
    runner: DockerRunner,
    handle: ContainerHandle,
    folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sdk, "TIMEOUT_SECONDS", 60.0)
    began = time.monotonic()
    runner.stop(handle, folder)
    assert folder.stop_request.exists()
    assert runner.look(handle, folder).is_alive
    runner._asked[handle.id] = began - 60
    runner.look(handle, folder)
    assert time.monotonic() - began < 30


def test_a_kill_says_that_it_was_not_heard(runner: DockerRunner, handle: ContainerHandle) -> None:
    with pytest.raises(AppError) as caught:
        runner.kill(handle)
    assert caught.value.kind == "docker_stopped"


def test_an_engine_that_gave_no_answer_is_waited_for_only_shortly_the_next_time(
    handle: ContainerHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "TIMEOUT_SECONDS", 2.0)
    made, waits = sdk._client, []
    monkeypatch.setattr(
        sdk, "_client", lambda at, api, seconds: waits.append(seconds) or made(at, api, seconds)
    )
    engine = DockerEngine({"DOCKER_HOST": handle.endpoint})

    for _ in range(2):
        with pytest.raises(AppError, match="does not answer"):
            engine.client()

    assert waits == [2.0, AGAIN_SECONDS]
