"""The program is closed, and Docker or the whole computer is started anew: at the next start each
run is what became of it, its log is whole, and it goes on from its checkpoint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.run import RunState
from services.run_files import RunFolder
from services.runners.container_end import RESTARTED
from tests.conftest import ROOT
from tests.docker.programs import Program, containers, make_home, program
from tests.stored_events import numbers_to_store

if TYPE_CHECKING:
    from docker import DockerClient

    from models.domain.run import Run
    from tests.docker.engine import RealEngine

pytestmark = pytest.mark.slow
STEPS = 150
"""Of a model that makes some twenty a second: it is still learning when the power goes."""


def kept_by_the_engine(engine: RealEngine) -> list[str]:
    """The lines of the only container's output, as the engine has them on its disk."""
    (file,) = engine.root.glob("containers/*/*-json.log")
    return [json.loads(line)["log"].rstrip("\n") for line in file.read_text().splitlines()]


def seen_in_window(home: Path) -> dict[str, str]:
    """What the next window says at its start; it ends as the user would end it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.docker.sessions", "found_again", "{}"],
        cwd=ROOT, env=os.environ | {"TEMPER_HOME": str(home)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


def check_once(temper: Program, run: Run, before: Run) -> None:
    """Each event is stored once, none is missing, and none of before is gone."""
    stored = [event.seq for event in temper.runs.events(run.id)]
    assert stored == numbers_to_store(RunFolder(Path(run.data_root), run.id).events)
    assert temper.runs.get(run.id).next_seq >= before.next_seq


def test_after_a_power_cut_a_run_is_lost_with_its_reason_and_goes_on_from_its_checkpoint(
    tmp_path: Path, docker_engine: RealEngine, trainer_image: str, tiny_model: Path
) -> None:
    home = make_home(tmp_path / "home")
    shutil.copytree(
        ROOT / "trainer_image", home / "code" / "trainer_image", dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    settings: dict[str, Any] = {
        "hp.epochs": 30.0, "hp.batch_size": 1, "hp.grad_accum": 1, "hp.save_steps": 20,
        "hp.max_seq_length": 128, "hp.packing": False, "dataset.eval_percent": 0.0,
    }  # fmt: skip
    with program(home, trainer_image) as temper:
        run = temper.start(str(tiny_model), **settings)
        before = temper.follow(run, lambda run: run.step >= 25, seconds=240)
    docker_engine.cut_power()
    printed = kept_by_the_engine(docker_engine)
    docker_engine.start()

    told = seen_in_window(home)
    with program(home, trainer_image) as temper:
        lost = temper.runs.get(run.id)
        assert (lost.state, lost.failure and lost.failure.message) == (RunState.LOST, RESTARTED)
        assert temper.log_file(lost).splitlines() == printed
        check_once(temper, lost, before)
        assert containers(temper.engine.client()) == []
        resumed = temper.follow(temper.runs.resume(run.id), seconds=240)
        events = temper.runs.events(run.id)
        assert temper.log_file(resumed).splitlines()[: len(printed)] == printed
        assert containers(temper.engine.client()) == []

    assert (resumed.state, resumed.step) == (RunState.FINISHED, STEPS)
    check_once(temper, resumed, lost)
    from_steps = [event.number("resumed_step") for event in events if event.text("engine")]
    assert from_steps[0] == 0
    assert 20 <= (from_steps[1] or 0) <= lost.step
    assert told["status"] == "Training lost"
    assert told["reason"].startswith(RESTARTED.partition(",")[0])
    assert told["remedy"].startswith("Resume from step ")


def test_an_engine_that_was_restarted_meanwhile_let_the_training_save(
    tmp_path: Path, docker_engine: RealEngine, python_image: str, docker_client: DockerClient
) -> None:
    home = make_home(tmp_path / "home")
    with program(home, python_image) as temper:
        run = temper.start("slowtalk-1000")
        before = temper.follow_to(run, "line 30\n")
    docker_engine.stop()
    printed = kept_by_the_engine(docker_engine)
    docker_engine.start()

    told = seen_in_window(home)

    assert printed[-2:] == ["saving", "saved"]
    with program(home, python_image) as temper:
        stopped = temper.runs.get(run.id)
        assert (stopped.state, stopped.exit_code) == (RunState.CANCELLED, 130)
        assert temper.log_file(stopped).splitlines() == printed
        check_once(temper, stopped, before)
        again = temper.follow(temper.runs.resume(run.id), lambda run: run.state.is_live)
        assert again.state in {RunState.PREPARING, RunState.RUNNING}
        temper.runs.stop(run.id)
        assert temper.follow(run).state is RunState.CANCELLED
    assert "stopped from outside" in told["reason"]
    assert containers(docker_client) == []
    folder = RunFolder(home / "data", run.id).path
    assert not list(folder.glob("*.tmp"))
