"""The window is killed again and again while a container trains: no event and no line is lost or
doubled, in the database, in the log, and on the screen of whoever looks last."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.run import RunState
from services.run_files import RunFolder
from tests.conftest import ROOT
from tests.docker.programs import containers, lines_of_talk, make_home, program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker import DockerClient

    from models.domain.run import Run

KILLS = int(os.environ.get("TEMPER_SOAK_KILLS", "5"))
"""``make soak`` asks for twenty."""
LINES = 80 * (KILLS + 1)
"""Printed in a twentieth of a second each, so that each window has four seconds."""
SECONDS = 60.0
"""For a window to come up, on a machine that is busy too."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(420 + 60 * KILLS)]


def test_a_window_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path: Path, python_image: str, docker_client: DockerClient
) -> None:
    home = make_home(tmp_path / "home")
    seed = random.randrange(10_000)
    print("seed", seed)
    chance = random.Random(seed)
    with program(home, python_image) as temper:
        run = temper.start(f"toldtalk-{LINES}")
    followed = 0
    for number in range(KILLS):
        before = stored(home)
        with window(home) as shown:
            if number % 2:  # each other one has begun to follow
                wait(lambda before=before: stored(home) > before)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 2))
            shown.kill()
        followed += stored(home) > before
    print("windows that followed:", followed)
    assert followed
    done = subprocess.run(
        [sys.executable, "-m", "tests.docker.sessions", "to_the_end", json.dumps({})],
        cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    shown_last = json.loads(done.stdout.splitlines()[-1])

    check_everything_once(home, run)
    assert shown_last["status"] == "Training finished"
    assert sorted(shown_last["log"].splitlines()) == sorted(lines_of_talk(LINES))
    assert shown_last["steps"] == sorted(set(shown_last["steps"]))
    assert containers(docker_client) == []


def window(home: Path) -> subprocess.Popen[bytes]:
    """The program as its user starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "app"], cwd=ROOT, env=environment(home),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def environment(home: Path) -> dict[str, str]:
    """Of a person without a screen."""
    return os.environ | {"TEMPER_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}


def stored(home: Path) -> int:
    """How many bytes of the log any window has stored as read."""
    with closing(sqlite3.connect(f"file:{home}/temper.db?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT max(log_offset) FROM runs").fetchone()[0])


def wait(condition: Callable[[], bool]) -> None:
    """Give a window time to come up."""
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def check_everything_once(home: Path, run: Run) -> None:
    """Events and lines are all there, once, in the log's file and in the database."""
    folder = RunFolder(home / "data", run.id)
    log, written = folder.log.read_text(), folder.events.read_text().splitlines()
    assert sorted(log.splitlines()) == sorted(lines_of_talk(LINES))
    with closing(Database.open(home / "temper.db")) as database, database.unit_of_work() as uow:
        stored = uow.runs.get(run.id)
        assert [event.seq for event in uow.metrics.list(run.id)] == list(range(len(written)))
    assert stored.state is RunState.FINISHED
    assert (stored.log_offset, stored.next_seq) == (len(log), len(written))
