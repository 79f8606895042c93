"""The window with a rented pod: from the quote to the adapter at home and the pod that is gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.run import RunState
from tests.e2e.pod_window import PodWindow, Seen
from tests.e2e.real_window import run_in, until
from tests.emulators.runpod.pod_python import PodPython
from tests.integration.runpod_world import KEY, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("does not support propagateSizeHints"),
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]
STEPS = 8


@pytest.fixture
def runpod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodEmulator]:
    """An account, in whose pods a stand-in trains."""
    with world(speed=10) as made:
        python = PodPython(tmp_path, made.cloud.clock, step_seconds=8.0)
        made.cloud.machine = python.machine
        made.cloud.delays.pull = 120  # a pod is looked at every five real seconds
        for name, value in (made.environment | {"RUNPOD_API_KEY": KEY}).items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.mark.spec(
    "The Training tab lets you fine‑tune language models on your own data, either on "
    "**Runpod pods** or **locally via Docker**, and then quickly test the resulting adapter."
)
@pytest.mark.spec(
    "For Runpod: ensure infrastructure (volume + template) and start training on a pod."
)
@pytest.mark.spec("**Runpod - Pod**: train on a remote GPU pod using Runpod.")
@pytest.mark.spec("**Start training on pod** – launches `train.py` inside the selected pod.")
@pytest.mark.spec("Start training on the pod.")
@pytest.mark.spec("**Logs & status** – streaming logs, status messages, and exit codes.")
@pytest.mark.spec("Monitor progress via the **Logs / Status** panel.")
def test_from_quote_and_start_to_the_adapter_at_home_and_the_pod_gone(
    qapp: QApplication, tmp_path: Path, runpod: RunpodEmulator
) -> None:
    run_in(qapp, _whole_run(tmp_path / "home", runpod))


async def _whole_run(home: Path, runpod: RunpodEmulator) -> None:
    async with PodWindow(home) as program:
        await program.set_up(hp__base_model="test/small", hp__max_steps=STEPS)
        assert "$0.28 an hour with its disk." in program.words("runpod.quote.lines")
        assert program.words("runpod.quote").startswith("$0.28/h")
        await program.ensure()
        assert program.words("runpod.ensure.lines").count("created.") == 2
        assert not runpod.cloud.pods
        await program.start()
        seen = Seen(program)
        await until(lambda: program.state() is RunState.FINISHED, 180)
        assert "The pod is starting" in seen.headlines
        assert "Training" in seen.headlines
        assert any(one.endswith("layers.") for one in seen.doing), seen.doing
        assert any(
            one.startswith("Spent so far: ") and " of at most $" in one for one in seen.costs
        )
        assert program.models.run.metrics.curve("loss")[0] == list(range(1, STEPS + 1))
        assert program.words("run.facts").endswith("exit code 0")
        await until(lambda: program.models.run.pod.seen.is_over)
        assert program.words("runpod.cost").startswith("It cost $")
        assert not runpod.cloud.pods
        await until(lambda: not program.child("pods.indicator").isVisible())
        _check_log(program)
        tuned = program.models.run.inference.tuned
        assert tuned is not None
        assert program.child("infer.run").isVisible()
        run = program.models.run.status.run
        assert (Path(run.adapter_path) / "adapter_model.safetensors").is_file()


def _check_log(program: PodWindow) -> None:
    """The machine's lines and the trainer's, apart and together."""
    program.models.run.log.flush_all()
    assert program.child("run.log.source").isVisible()
    everything = program.models.run.log.rowCount()
    for name, is_system in (("System", True), ("Container", False)):
        lines = program.log_lines(name)
        assert lines
        assert all(line.startswith("[system] ") is is_system for line in lines)
        everything -= len(lines)
    assert everything == 0
