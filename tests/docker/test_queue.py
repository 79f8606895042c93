"""The queue with containers: one at a time, held while the engine is away, crashes in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from models.domain.run import ContainerHandle, RunState
from services.run_queue import RunQueue
from services.runners.base import Runners
from tests.docker.programs import Program, containers, make_home, program

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from models.domain.run import Run
    from services.runners.base import Launch, Started
    from services.runners.docker import DockerRunner
    from tests.docker.engine import RealEngine


class Crash(BaseException):
    """The program is ended at this very place."""


class CrashingRunner:
    """Makes containers as ever; the program is ended before it can store one."""

    def __init__(self, runner: DockerRunner) -> None:
        self._runner = runner

    def __getattr__(self, name: str) -> object:
        return getattr(self._runner, name)

    def start(self, launch: Launch) -> Started:
        self._runner.start(launch)
        raise Crash


def queue_of(temper: Program) -> RunQueue:
    return RunQueue(temper.runs, temper.runs._records, temper.home / "queue.lock")


def enqueue(temper: Program, how: str, name: str) -> Run:
    setup = temper.config(how, **{"output.directory": f"/data/outputs/{name}"})
    return queue_of(temper).enqueue(setup, name=name)


def test_containers_of_the_queue_run_one_after_the_other(
    tmp_path: Path, docker_engine: RealEngine, python_image: str, docker_client: DockerClient
) -> None:
    with program(make_home(tmp_path), python_image) as temper:
        for name in ("one", "two"):
            enqueue(temper, "talk-20", name)
        ended = []
        while (turn := queue_of(temper).start_next()).started is not None:
            assert queue_of(temper).start_next().started is None
            assert len(containers(docker_client)) == 1
            ended.append(temper.follow(turn.started))
        assert [(run.name, run.state) for run in ended] == [
            ("one", RunState.FINISHED), ("two", RunState.FINISHED),
        ]  # fmt: skip


def test_a_container_whose_program_was_ended_is_found_and_not_started_twice(
    tmp_path: Path, docker_engine: RealEngine, python_image: str, docker_client: DockerClient
) -> None:
    home = make_home(tmp_path)
    with program(home, python_image) as temper:
        run = enqueue(temper, "talk-20", "one")
        temper.runs.starter._runners = Runners({run.runtime: CrashingRunner(temper.runner)})
        with pytest.raises(Crash):
            queue_of(temper).start_next()
        temper.runs._records.change(run.id, started_at=time.time() - 60)
        (made,) = containers(docker_client)
    with program(home, python_image) as later:
        turn = queue_of(later).start_next()
        assert turn.failed == ()
        found = later.runs.get(run.id)
        if found.state.is_live:
            assert isinstance(found.handle, ContainerHandle)
            assert found.handle.id == made["Id"]
            found = later.follow(found)
        assert (found.state, found.queued_at) == (RunState.FINISHED, None)
        assert later.log_file(run).count("hello from the container") == 1


def test_while_the_engine_is_away_the_queue_waits_and_says_why(
    tmp_path: Path,
    docker_engine: RealEngine,
    python_image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with program(make_home(tmp_path), python_image) as temper:
        run = enqueue(temper, "talk-3", "one")
        with monkeypatch.context() as away:
            stopped = AppError("docker_stopped", "Docker is not running.", "Start it.")
            away.setattr(temper.engine, "info", _raising(stopped))
            turn = queue_of(temper).start_next()
        assert (turn.started, turn.failed) == (None, ())
        assert "Docker is not running." in turn.held
        assert [waiting.id for waiting in queue_of(temper).list()] == [run.id]
        started = queue_of(temper).start_next().started
        assert started is not None
        assert temper.follow(started).state is RunState.FINISHED


def _raising(error: AppError) -> object:
    def call() -> None:
        raise error

    return call
