"""The tests' own engine does what fault tests rely on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from tests.docker.engine import why_impossible
from tests.docker.engine_store import EngineStore

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.docker.engine import RealEngine

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
WAIT = ["sh", "-c", "trap 'exit 7' TERM; sleep 300 & wait"]
"""Ends at once when asked to, with a code of its own."""


def test_its_containers_end_in_order_when_it_stops(
    docker_engine: RealEngine, docker_client: DockerClient, small_image: str
) -> None:
    container = docker_client.containers.run(small_image, WAIT, detach=True)

    docker_engine.restart()

    container.reload()
    assert container.attrs["State"]["ExitCode"] == 7


@pytest.mark.parametrize("again", [1, 2])
def test_it_can_be_killed_and_comes_back(
    docker_engine: RealEngine, docker_client: DockerClient, small_image: str, again: int
) -> None:
    container = docker_client.containers.run(small_image, WAIT, detach=True)
    for _ in range(again):
        docker_engine.kill()
        assert not docker_engine.is_running
        docker_engine.start()

    container.reload()
    assert not container.attrs["State"]["Running"]


def test_the_next_test_finds_it_running_and_empty(docker_client: DockerClient) -> None:
    assert docker_client.containers.list(all=True) == []


def test_what_is_done_to_the_images_of_a_second_engine_stays_there(
    docker_client: DockerClient, small_image: str, second_engine: RealEngine
) -> None:
    with contextlib.closing(second_engine.client()) as second:
        said = second.containers.run(small_image, ["cat", "/proc/sys/kernel/ostype"], remove=True)
        second.images.remove(small_image)
        with pytest.raises(ImageNotFound):
            second.images.get(small_image)

    assert said == b"Linux\n"
    assert docker_client.containers.run(small_image, ["echo", "here"], remove=True) == b"here\n"
    assert os.environ["DOCKER_HOST"] == second_engine.host


def test_containers_of_two_engines_have_addresses_of_their_own(
    docker_client: DockerClient, small_image: str, second_engine: RealEngine
) -> None:
    command = ["sh", "-c", "ip -4 -o addr show eth0"]
    with contextlib.closing(second_engine.client()) as second:
        mine = docker_client.containers.run(small_image, command, remove=True)
        theirs = second.containers.run(small_image, command, remove=True)

    assert b"inet 10." in mine
    assert mine.split()[3] != theirs.split()[3]


def test_what_a_killed_session_left_is_ended_by_the_next(tmp_path: Path) -> None:
    """By the real thing: a process that opens the store, starts a container, and is killed."""
    if why_impossible() and not os.environ.get("CI"):
        pytest.skip(why_impossible())
    left = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from tests.docker.engine_store import EngineStore
        from tests.docker.images import small_image
        engine = EngineStore(Path(sys.argv[1])).open()
        engine.start()
        client = engine.client()
        client.containers.run(small_image(client), sys.argv[2:], detach=True)
        print(engine.pid, engine.socket.parent, flush=True)
        time.sleep(300)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", left, str(tmp_path), *WAIT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdout is not None
        pid, home = session.stdout.readline().split()
        session.kill()
    assert Path(f"/proc/{pid}").exists()

    store = EngineStore(tmp_path)
    engine = store.open()
    try:
        assert not Path(home).exists()
        _until_gone(int(pid))
        engine.start()
        engine.remove_containers()
    finally:
        engine.dispose()
        store.close()
    assert not [line for line in Path("/proc/mounts").read_text().splitlines() if home in line]


def _until_gone(pid: int) -> None:
    """Wait until a process that is nobody's child of ours has ended (a zombie has)."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the engine of the killed session still runs")
