"""The window against pods that are real containers: from the rows of the library to an answer."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.run import RunState
from tests.e2e.pod_window import PodWindow, Seen
from tests.e2e.real_window import run_in, until
from tests.emulators.runpod.containers import LABEL, ContainerMachine
from tests.integration.runpod_world import KEY, world
from trainer_image.contract import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from PySide6.QtWidgets import QApplication

    from models.domain.run import Run
    from tests.conftest import TrainerHome
    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")
STEPS = 30
SECONDS = 240.0
"""For each part of it, on a machine that is busy."""
SETUP = {
    "hp__base_model": "/data/models/tiny", "hp__max_steps": STEPS, "hp__max_seq_length": 128,
    "hp__packing": False, "dataset__eval_percent": 10.0, "runpod__max_hours": 1.0,
    "hp__eval_steps": STEPS, "hp__save_steps": STEPS,  # it trains for as long as a look takes
}  # fmt: skip


@pytest.fixture
def runpod(
    docker_client: DockerClient, trainer_image: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunpodEmulator]:
    """An account whose pods are containers of the real image."""
    with world(speed=10) as made:
        made.cloud.machine = partial(ContainerMachine, docker_client, trainer_image)
        for name, value in (made.environment | {"RUNPOD_API_KEY": KEY}).items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def home(tmp_path: Path, trainer_home: TrainerHome, tiny_model: Path) -> Path:
    """A home with Python for trying out, and a small model in the data folder."""
    folder = tmp_path / "home"
    (folder / "data" / "models").mkdir(parents=True)
    (folder / "runtime").symlink_to(trainer_home.environment.root)
    model = folder / "data" / "models" / "tiny"
    shutil.copytree(tiny_model, model, copy_function=shutil.copyfile)
    return folder


@pytest.mark.spec(
    "The Training tab lets you fine‑tune language models on your own data, either on "
    "**Runpod pods** or **locally via Docker**, and then quickly test the resulting adapter."
)
def test_from_the_library_to_an_answer_of_the_adapter_that_a_container_trained(
    qapp: QApplication, home: Path, runpod: RunpodEmulator, docker_client: DockerClient
) -> None:
    run_in(qapp, _whole_run(home, runpod))
    assert docker_client.containers.list(all=True, filters={"label": LABEL}) == []


async def _whole_run(home: Path, runpod: RunpodEmulator) -> None:
    async with PodWindow(home) as program:
        await program.set_up(**SETUP)
        assert program.words("runpod.quote").startswith("$0.28/h")
        await program.ensure()
        assert program.words("runpod.ensure.lines").count("created.") == 2
        assert not runpod.cloud.pods
        await program.start()
        seen = Seen(program)
        await until(lambda: program.models.run.metrics.curve("loss")[0], SECONDS)
        assert program.state() is RunState.RUNNING, "the chart fills while it trains"
        await until(lambda: program.state() in {RunState.FINISHED, RunState.FAILED}, SECONDS)
        run = program.models.run.status.run
        assert run is not None
        assert run.state is RunState.FINISHED, run.failure
        _check_what_was_seen(program, seen)
        _check_adapter(run, runpod)
        await _check_that_it_is_over(program, runpod)
        await _ask(program)


def _check_what_was_seen(program: PodWindow, seen: Seen) -> None:
    assert {"The pod is starting", "Training"} <= seen.headlines
    assert any(one.startswith("Spent so far: ") for one in seen.costs)
    assert program.models.run.metrics.curve("loss")[0] == list(range(1, STEPS + 1))
    assert program.words("run.facts").endswith("exit code 0")
    log = program.log_lines("Container")
    assert any("effective batch" in line for line in log), log[-20:]
    assert any("Pull complete" in line for line in program.log_lines("System"))


def _check_adapter(run: Run, runpod: RunpodEmulator) -> None:
    """Here is what was trained there: by the hash that the trainer told, and byte for byte."""
    weights = (Path(run.adapter_path) / "adapter_model.safetensors").read_bytes()
    folder = Path(run.data_root) / "runs" / run.id
    result = Result.model_validate_json((folder / "result.json").read_bytes())
    assert hashlib.sha256(weights).hexdigest() == result.adapter_sha256
    (volume,) = runpod.cloud.volumes.values()
    made = list(volume.folder.glob("outputs/*/adapter/adapter_model.safetensors"))
    assert [one.read_bytes() for one in made] == [weights]


async def _check_that_it_is_over(program: PodWindow, runpod: RunpodEmulator) -> None:
    await until(lambda: program.models.run.pod.seen.is_over, SECONDS)
    assert not runpod.cloud.pods
    (billed,) = runpod.cloud.ended.values()
    attempt = program.services.rented.latest(program.models.run.run_id)
    assert attempt.cost == pytest.approx(billed, rel=0.05)
    assert program.words("runpod.cost").startswith("It cost $")
    await until(lambda: not program.child("pods.indicator").isVisible(), SECONDS)


async def _ask(program: PodWindow) -> None:
    """In Quick Local Inference, as a person does: both models answer."""
    inference = program.models.run.inference
    await until(lambda: inference.tuned is not None or inference.missing, SECONDS)
    assert not inference.missing
    await until(lambda: inference.can_ask, SECONDS)
    program.child("infer.prompt").setPlainText("What is a generator?")
    program.child("infer.max_new_tokens").setValue(2)
    program.child("infer.compare").setChecked(True)
    program.child("infer.run").click()
    await until(lambda: inference.exchanges and inference.exchanges[-1].is_over, SECONDS)
    last = inference.exchanges[-1]
    assert not last.error
    assert {"adapter", "base"} <= set(last.texts)
