"""The end of the program: soon, whatever an engine does that says nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_DOCKER
from models.domain.run import ContainerHandle, RunState
from services.run_records import RunRecords
from tests.integration.runs_world import ROOT
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SECONDS = 8.0
"""The aim is two, and this machine may have other things to do; whoever waited for the engine's ten
seconds would take nine."""
BUSY = """
import asyncio
from tests.docker.hands import drive
from views.main_window import DOCTOR

async def session(hands):
    hands.set(local__runtime="Docker container")
    hands.window.show_page(DOCTOR)
    hands.wiring.docker.controller.refresh()
    hands.wiring.docker.controller.pull("python:3.11")
    hands.wiring.history.queue.remove("live")
    await asyncio.sleep(0.3)
    print("closing", flush=True)

drive(session)
"""
OPENING = """
from PySide6.QtCore import QTimer
from app import window_session
from app.window import run_window

fill = window_session.Wiring.fill

async def fill_and_be_closed(wiring):
    def close():
        print("closing", flush=True)
        wiring._window.may_close = None
        wiring._window.close()
    QTimer.singleShot(1000, close)
    await fill(wiring)

window_session.Wiring.fill = fill_and_be_closed
run_window()
"""


@pytest.fixture
def mute_engine(tmp_path: Path) -> Iterator[str]:
    """Something that takes every connection and never answers, as a stopped dockerd does."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "mute.sock"))
        listening.listen(64)
        yield f"unix://{tmp_path / 'mute.sock'}"


def seconds_to_end(home: Path, engine: str, program: str) -> float:
    """From closing the window to the end of the process."""
    environment = os.environ | {
        "DOCKER_HOST": engine, "TEMPER_HOME": str(home), "QT_QPA_PLATFORM": "offscreen",
    }  # fmt: skip
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert "closing\n" in iter(process.stdout.readline, "")
            began = time.monotonic()
            assert process.wait(60.0) == 0
        finally:
            process.kill()
    return time.monotonic() - began


@pytest.fixture
def home(tmp_path: Path, mute_engine: str) -> Path:
    """A home that knows a container of the mute engine to be training."""
    run = make_run("live", RunState.RUNNING)
    run = replace(
        run,
        runtime=RUNTIME_DOCKER,
        data_root=str(tmp_path / "data"),
        handle=ContainerHandle("0" * 64, "temper-live", mute_engine),
    )
    (tmp_path / "data/runs/live").mkdir(parents=True)
    with closing(Database.open(tmp_path / "temper.db")) as database:
        RunRecords(database).add(run)
    return tmp_path


@pytest.mark.parametrize("program", [BUSY, OPENING], ids=["busy", "while it is opened"])
def test_the_program_ends_soon_while_an_engine_says_nothing(
    home: Path, mute_engine: str, program: str
) -> None:
    assert seconds_to_end(home, mute_engine, program) < SECONDS
