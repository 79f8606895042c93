"""``temper train`` on a rented pod: the whole program against the emulated Runpod."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.config import TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from services.config_files import write_config_file
from tests.emulators.runpod.pod_python import PodPython
from tests.integration.runpod_world import GPU, KEY, wait_for, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]
ROOT = Path(__file__).parents[2]


class Terminal:
    """A person's, with a home of its own."""

    def __init__(self, home: Path, runpod: RunpodEmulator) -> None:
        self.home, self.runpod = home, runpod
        self.environ = os.environ | runpod.environment
        self.environ |= {"TEMPER_HOME": str(home / "home"), "RUNPOD_API_KEY": KEY}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=self.environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        process = self.start(*arguments)
        said, told = process.communicate(timeout=200)
        assert process.returncode == code, said + told
        assert KEY not in said + told
        return said, told

    def runs(self) -> list[dict[str, Any]]:
        return json.loads(self.run("runs", "list", "--json")[0])  # type: ignore[no-any-return]

    def cost_now(self) -> float:
        return float(json.loads(self.run("runs", "show", "last", "--json")[0])["run"]["cost_usd"])


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with world(speed=10) as runpod:
        python = PodPython(tmp_path, runpod.cloud.clock, step_seconds=2.0)
        runpod.cloud.machine = python.machine
        values = {
            "training.target": TARGET_RUNPOD, "runpod.gpu": GPU, "hp.max_steps": 8,
            "runpod.volume_size": 10, "hp.base_model": "test/small", "dataset.session": "rows",
        }  # fmt: skip
        write_config_file(tmp_path / "pod.yaml", with_values(TrainingConfig(), values))
        rows = [json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(20)]
        (tmp_path / "rows.jsonl").write_text("\n".join(rows))
        made = Terminal(tmp_path, runpod)
        made.run("data", "import", str(tmp_path / "rows.jsonl"), "--name", "rows")
        yield made


def test_a_terminal_rents_trains_fetches_and_sees_the_pod_off(terminal: Terminal) -> None:
    said, told = terminal.run("train", str(terminal.home / "pod.yaml"), "--start-anyway")
    assert "finished after 8 steps" in said
    for words in (
        "Rented: NVIDIA RTX A5000 (Secure Cloud, EU-RO-1), $0.28 an hour, until",
        "Training …",
        "It cost",
    ):
        assert words.lower() in told.lower(), told
    (run,) = terminal.runs()
    assert run["runtime"] == "Runpod"
    assert run["cost_usd"] > 0
    assert (Path(run["adapter_path"]) / "adapter_model.safetensors").is_file()
    assert not terminal.runpod.cloud.pods


def test_a_terminal_that_is_closed_leaves_the_pod_to_the_next(terminal: Terminal) -> None:
    said, told = terminal.run(
        "train", str(terminal.home / "pod.yaml"), "--start-anyway", "--detach"
    )
    assert "trains by itself, until" in told, said + told
    assert len(terminal.runpod.cloud.pods) == 1
    first, later = (terminal.cost_now() for _ in range(2))
    assert 0 < first < later  # though nobody drives it
    said, told = terminal.run("runs", "attach", "last")
    assert "finished after 8 steps" in said, said + told
    assert not terminal.runpod.cloud.pods


def test_a_stop_from_another_terminal_ends_the_pod(terminal: Terminal) -> None:
    slow = PodPython(terminal.home / "slow", terminal.runpod.cloud.clock, step_seconds=60.0)
    terminal.runpod.cloud.machine = slow.machine
    training = terminal.start(
        "train", str(terminal.home / "pod.yaml"), "--start-anyway", "--set", "hp.max_steps=1000"
    )
    try:
        wait_for(lambda: any(run["state"] == "running" for run in terminal.runs()), 120)
        said, told = terminal.run("runs", "stop", "last")
        assert "is cancelled" in said, said + told
        training.wait(120)
    finally:
        training.kill()
        training.communicate()
    assert not terminal.runpod.cloud.pods
