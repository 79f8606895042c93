"""What goes wrong around a training container, on a real engine: never a wrong state, never a line
lost or doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.run import ContainerHandle, Run, RunState
from services.run_files import RunFolder
from services.runners.container_end import REMOVED
from tests.docker.programs import Program, containers, lines_of_talk, make_home, program
from tests.integration.runpod_world import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient
    from docker.models.containers import Container

    from tests.docker.engine import RealEngine

ROOT = Path(__file__).parents[2]
KILLS = 20


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def temper(home: Path, docker_engine: RealEngine, python_image: str) -> Iterator[Program]:
    with program(home, python_image) as started:
        yield started


def is_training(run: Run) -> bool:
    return run.state is RunState.RUNNING


def container_of(client: DockerClient, run: Run) -> Container:
    assert isinstance(run.handle, ContainerHandle)
    return client.containers.get(run.handle.id)


def check_nothing_lost(temper: Program, run: Run, count: int | None = None) -> None:
    """Every event once; every line once, in the order of its stream; the file is what was seen."""
    assert temper.seqs() == list(range(len(temper.events)))
    assert temper.log == temper.log_file(run)
    lines = temper.log.splitlines()
    if count is not None:
        assert sorted(lines) == sorted(lines_of_talk(count))
    for remainder in (0, 1):
        numbers = [int(line.split()[1]) for line in lines if line.startswith("line ")]
        of_stream = [number for number in numbers if number % 2 == remainder]
        assert of_stream == list(range(remainder, 2 * len(of_stream), 2))


def test_an_engine_that_is_stopped_lets_the_training_save_and_is_found_again(
    temper: Program, docker_engine: RealEngine
) -> None:
    run = temper.follow(temper.start("slowtalk-1000"), is_training)
    docker_engine.stop()
    end = time.monotonic() + 60
    while "does not answer" not in "".join(temper.troubles):
        assert time.monotonic() < end
        seen = temper.follow(run, lambda _run: True)
        assert not seen.state.is_over
        time.sleep(0.2)
    docker_engine.start()

    run = temper.follow(run)

    assert run.state is RunState.CANCELLED
    assert run.failure is not None
    assert run.failure.kind == "stopped_outside"
    assert temper.log.endswith("saving\nsaved\n")
    check_nothing_lost(temper, run)


def test_an_engine_that_crashes_takes_the_training_along_and_that_is_said(
    temper: Program, docker_engine: RealEngine
) -> None:
    run = temper.follow(temper.start("slowtalk-1000"), is_training)
    docker_engine.kill()
    docker_engine.start()

    run = temper.follow(run)

    assert run.failure is not None
    assert run.state in {RunState.CANCELLED, RunState.FAILED, RunState.LOST}
    assert run.failure.kind in {"stopped_outside", "killed", "container_gone"}
    check_nothing_lost(temper, run)


def test_a_container_killed_from_outside_is_no_stop_of_ours(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.follow(temper.start("slowtalk-1000"), is_training)
    container_of(docker_client, run).kill()

    run = temper.follow(run)

    assert (run.state, run.exit_code) == (RunState.FAILED, 137)
    assert run.failure is not None
    assert run.failure.kind == "killed"
    check_nothing_lost(temper, run)


def test_docker_stop_lets_it_save_and_is_told_apart_from_our_stop(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.follow(temper.start("wait"), is_training)
    container_of(docker_client, run).stop()

    run = temper.follow(run)

    assert (run.state, run.exit_code) == (RunState.CANCELLED, 130)
    assert run.failure is not None
    assert run.failure.kind == "stopped_outside"
    assert temper.log.endswith("saved\n")


def test_a_memory_limit_that_is_too_small_is_recognised(temper: Program) -> None:
    run = temper.follow(temper.start("hog", **{"local.memory_limit": 0.1}))

    assert (run.state, run.exit_code) == (RunState.FAILED, 137)
    assert run.failure is not None
    assert run.failure.kind == "host_oom"


def test_an_image_that_is_removed_meanwhile_changes_nothing(
    home: Path, second_engine: RealEngine, python_image: str
) -> None:
    with program(home, python_image) as temper, closing(second_engine.client()) as client:
        run = temper.follow(temper.start("talk-1000"), is_training)
        client.images.remove(python_image, force=True)
        run = temper.follow(run)

        assert run.state is RunState.FINISHED
        check_nothing_lost(temper, run, 1000)


def test_a_disk_that_is_full_ends_the_training_and_its_log_is_completed_later(
    temper: Program, mount: Callable[..., Path], tmp_path: Path, docker_client: DockerClient
) -> None:
    disk = mount(tmp_path / "disk", "size=2g")
    run = temper.start("fill", **{"local.host_data_dir": str(disk / "data")})
    temper.follow_to(run, "filling 3")
    subprocess.run(["mount", "-o", "remount,size=32m", str(disk)], check=True)

    run = temper.follow(run)

    assert (run.state, run.exit_code) == (RunState.FAILED, 1)
    assert len(containers(docker_client)) == 1  # it keeps the output that the disk had no room for
    (disk / "data" / "outputs" / "big").unlink()
    log = RunFolder(disk / "data", run.id).log
    temper.runner._tidy(containers(docker_client)[0]["Id"], run.id)
    assert log.read_text().splitlines()[-1] == "no space: 28"
    numbers = [line for line in log.read_text().splitlines() if line.startswith("filling")]
    assert numbers == [f"filling {number}" for number in range(len(numbers))]
    assert containers(docker_client) == []


def test_a_renamed_container_is_the_same(temper: Program, docker_client: DockerClient) -> None:
    run = temper.follow(temper.start("talk-1000"), is_training)
    container_of(docker_client, run).rename("something-else")

    run = temper.follow(run)

    assert run.state is RunState.FINISHED
    check_nothing_lost(temper, run, 1000)
    assert containers(docker_client) == []


def test_a_removed_container_is_lost_with_the_reason(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.follow(temper.start("slowtalk-1000"), is_training)
    container_of(docker_client, run).remove(force=True)

    run = temper.follow(run)

    assert run.failure is not None
    if run.exit_code is None:  # else the kill that comes before the removal was seen
        assert (run.state, run.failure.message) == (RunState.LOST, REMOVED)
    else:
        assert (run.state, run.exit_code, run.failure.kind) == (RunState.FAILED, 137, "killed")
    check_nothing_lost(temper, run)


def test_a_removed_container_of_a_finished_training_is_finished(
    temper: Program, home: Path, docker_client: DockerClient, python_image: str
) -> None:
    run = temper.start("talk-1")
    container = container_of(docker_client, run)
    container.wait()
    container.remove()

    with program(home, python_image) as later:
        run = later.follow(run)

    assert run.state is RunState.FINISHED


def test_a_network_that_is_taken_away_changes_nothing(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.follow(temper.start("talk-1000"), is_training)
    docker_client.networks.get("bridge").disconnect(container_of(docker_client, run).id)

    run = temper.follow(run)

    assert run.state is RunState.FINISHED
    check_nothing_lost(temper, run, 1000)


def test_a_paused_container_is_waited_for(temper: Program, docker_client: DockerClient) -> None:
    run = temper.follow(temper.start("talk-1000"), is_training)
    container = container_of(docker_client, run)
    container.pause()
    before = time.monotonic()
    temper.follow(run, lambda run: time.monotonic() - before > 1)
    container.unpause()

    run = temper.follow(run)

    assert run.state is RunState.FINISHED
    check_nothing_lost(temper, run, 1000)


def test_two_programs_follow_one_run_and_each_sees_everything_once(
    temper: Program, home: Path, python_image: str
) -> None:
    run = temper.start("talk-1500")
    with program(home, python_image) as other:
        while not (temper.runs.get(run.id).state.is_over):
            for one in (temper, other):
                update = one.runs.poll(run.id)
                one.events += update.events
                one.log += update.log
            time.sleep(0.02)
        for one in (temper, other):
            run = one.follow(run)
            assert one.log.splitlines()[-1].startswith("line")
    assert run.state is RunState.FINISHED
    assert sorted(temper.log_file(run).splitlines()) == sorted(lines_of_talk(1500))
    check_nothing_lost(temper, run, 1500)


def test_a_program_killed_again_and_again_loses_and_doubles_nothing(
    temper: Program, home: Path, python_image: str
) -> None:
    chance = seeded()
    run = temper.start("slowtalk-700")
    temper.runner.close()
    for _ in range(KILLS):
        child = follower(home, python_image, run.id)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.random())
        kill(child)
    with follower(home, python_image, run.id) as last:
        assert last.wait(240) == 0

    run = temper.runs.get(run.id)
    folder = RunFolder(home / "data", run.id)
    log, written = folder.log.read_text(), folder.events.read_text().splitlines()
    assert run.state is RunState.FINISHED
    assert sorted(log.splitlines()) == sorted(lines_of_talk(700))
    assert run.log_offset == len(log)
    assert run.next_seq == len(written)
    with closing(Database.open(home / "temper.db")) as database, database.unit_of_work() as uow:
        assert [event.seq for event in uow.metrics.list(run.id)] == list(range(len(written)))


def test_a_program_killed_while_it_starts_a_run_leaves_none_that_nobody_knows(
    temper: Program, home: Path, python_image: str, docker_client: DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    chance = seeded()
    for _ in range(KILLS // 2):
        child = follower(home, python_image)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.1 + chance.random() * 0.7)
        kill(child)
    # The engine may still be at what a killed program asked for last.
    monkeypatch.setattr("services.run_follower.START_SECONDS", 5.0)
    monkeypatch.setattr("services.runners.container_end.START_SECONDS", 5.0)

    for run in temper.runs.reattach():
        if not run.state.is_over:
            temper.follow(run)

    for run in temper.runs.list():
        log = temper.log_file(run) if run.state is RunState.FINISHED else ""
        if run.state is RunState.FINISHED:
            assert sorted(log.splitlines()) == sorted(lines_of_talk(20))
        else:
            assert run.failure is not None
            assert run.state is RunState.LOST
            assert "Temper was ended" in run.failure.message

    # One that its engine did not remove at once, or only made now, is tidied away at a next look.
    monkeypatch.setattr("services.runners.docker._FRESH_SECONDS", 0.0)

    def none_is_left() -> bool:
        temper.runs.reattach()
        return containers(docker_client) == []

    wait_for(none_is_left)


def seeded() -> random.Random:
    """Chance that can be had again: the seed is in a failed test's output."""
    seed = random.randrange(10_000)
    print("seed", seed)
    return random.Random(seed)


def follower(home: Path, image: str, *run_id: str) -> subprocess.Popen[str]:
    """A program of its own; it has said "ready" when its imports are done."""
    command = [sys.executable, "-m", "tests.docker.follow_run", str(home), image, *run_id]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill(child: subprocess.Popen[str]) -> None:
    """As the system does it when it is out of memory."""
    child.kill()
    child.communicate()
