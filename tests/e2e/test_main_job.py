"""The whole program from its command line: a real model learns, and runs outlive the program."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.stored_events import numbers_to_store

if TYPE_CHECKING:
    from tests.conftest import TrainerHome

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "resources" / "samples" / "python-docs.jsonl"


@dataclass(frozen=True)
class Temper:
    """The program as a user has it, with a home of its own."""

    home: Path

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "app", *arguments]

    def environment(self) -> dict[str, str]:
        return os.environ | {"TEMPER_HOME": str(self.home), "TEMPER_OFFLINE": "1"}


@pytest.fixture
def temper(tmp_path: Path, trainer_home: TrainerHome) -> Temper:
    home = tmp_path / "home"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.root)
    return Temper(home)


@pytest.fixture(scope="session")
def sample_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the bundled sample, small enough to learn from within a test."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    train = [row for row in rows if row["split"] == "train"][:64]
    held_out = [row for row in rows if row["split"] == "held_out"][:6]
    path = tmp_path_factory.mktemp("rows") / "sample.jsonl"
    path.write_text("\n".join(map(json.dumps, train + held_out)), encoding="utf-8")
    return path


def write_config(folder: Path, model: Path, **hp: object) -> str:
    config = {
        "dataset": {"session": "sample", "eval_split": "held_out"},
        "hp": {"base_model": str(model), "max_seq_length": 192, "packing": False, **hp},
    }
    path = folder / "setup.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(path)


def wait_for_step(temper: Temper, step: int) -> dict[str, Any]:
    """The newest run, once its trainer has made this step; read from its own file."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for events in (temper.home / "data" / "runs").glob("*/events.jsonl"):
            lines = [json.loads(line) for line in events.read_text().splitlines(keepends=True)[:-1]]
            if any(event.get("step", 0) >= step for event in lines):
                state: dict[str, Any] = json.loads((events.parent / "state.json").read_text())
                return state
        time.sleep(0.05)
    raise AssertionError(f"no run came to step {step}")


def assert_every_event_once(temper: Temper, document: dict[str, Any], run_id: str) -> None:
    seen = [event["seq"] for event in document["events"]]
    assert seen == sorted(set(seen))
    written = temper.home / "data" / "runs" / run_id / "events.jsonl"
    assert set(numbers_to_store(written)) <= set(seen)


@pytest.mark.spec("**PyTorch** for accelerated training on CPU/GPU.")
@pytest.mark.spec(
    "**Hugging Face Transformers** for loading the base model (for example "
    "`unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit` by default)."
)
def test_a_real_model_learns_and_answers_differently(
    temper: Temper, trainer_home: TrainerHome, sample_rows: Path, tmp_path: Path
) -> None:
    temper("data", "import", str(sample_rows), "--name", "sample")
    config = write_config(
        tmp_path, trainer_home.model, max_steps=6, batch_size=4, grad_accum=1, learning_rate=1e-3
    )
    run = temper.json("train", config)
    assert run["state"] == "finished"
    assert run["eval_loss_after"] < 0.85 * run["eval_loss_before"]
    shown = temper.json("runs", "show", "last")
    assert_every_event_once(temper, shown, run["id"])
    assert shown["events"][-1]["type"] == "finished"
    samples = temper.home / "data" / "runs" / run["id"] / "samples.jsonl"
    prompt = json.loads(samples.read_text().splitlines()[0])["prompt"]
    short = ("--compare", "--max-new-tokens", "40")
    compared = temper.json("chat", "last", "--prompt", prompt, *short)
    tuned, base = (compared["answers"][use]["text"] for use in ("adapter", "base"))
    assert tuned
    assert base
    assert tuned != base
    assert compared["settings"]["max_new_tokens"] == 40
    samples_shown = temper.json("chat", "last", "--samples")
    assert len(samples_shown) == 5
    assert {one["held_out"] for one in samples_shown} == {True, False}
    chats = tmp_path / "chats.txt"
    temper("chat", "last", "--prompt", prompt, "--preset", "balanced", "--max-new-tokens", "8",
           "--export", str(chats))  # fmt: skip
    assert "Custom · temperature 0.7 · top-p 0.9 · at most 8 tokens" in chats.read_text("utf-8")
    shutil.rmtree(Path(run["adapter_path"]))
    assert "no longer in" in temper("chat", "last", "--prompt", prompt, code=1).stderr


def test_the_program_killed_half_way_loses_nothing(
    temper: Temper, tiny_model: Path, sample_rows: Path, tmp_path: Path
) -> None:
    temper("data", "import", str(sample_rows), "--name", "sample")
    config = write_config(tmp_path, tiny_model, epochs=8, batch_size=2, grad_accum=1)
    program = subprocess.Popen(
        temper.command("train", config),
        cwd=ROOT,
        env=temper.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with program:
        wait_for_step(temper, 20)
        program.send_signal(signal.SIGKILL)
    attached = temper.json("runs", "attach", "last")
    assert attached["run"]["state"] == "finished"
    assert_every_event_once(temper, attached, attached["run"]["id"])
    steps = [event["step"] for event in attached["events"] if event["type"] == "progress"]
    assert steps == list(range(1, attached["run"]["total_steps"] + 1))


def test_the_trainer_killed_half_way_resumes_to_the_same_bytes(
    temper: Temper, tiny_model: Path, sample_rows: Path, tmp_path: Path
) -> None:
    temper("data", "import", str(sample_rows), "--name", "sample")
    config = write_config(tmp_path, tiny_model, epochs=6, batch_size=2, grad_accum=1, save_steps=10)
    killed = temper.json("train", config, "--detach", "--set", "output.directory=/data/outputs/a")
    state = wait_for_step(temper, 40)
    os.kill(state["pid"], signal.SIGKILL)
    ended = temper.json("runs", "attach", killed["id"])["run"]
    assert ended["state"] == "failed"
    assert ended["failure"]["kind"] == "killed"
    # Started again, it goes on by itself: same output directory, same job.
    resumed = temper.json("train", config, "--set", "output.directory=/data/outputs/a")
    assert resumed["state"] == "finished"
    whole = temper.json("train", config, "--set", "output.directory=/data/outputs/b")
    outputs = temper.home / "data" / "outputs"
    first, second = (outputs / name / "adapter/adapter_model.safetensors" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    log = (temper.home / "data/runs" / resumed["id"] / "events.jsonl").read_text()
    assert '"resumed_step": 0' not in log
    assert whole["eval_loss_after"] == resumed["eval_loss_after"]


def test_stop_keeps_a_checkpoint_and_resume_finishes(
    temper: Temper, tiny_model: Path, sample_rows: Path, tmp_path: Path
) -> None:
    temper("data", "import", str(sample_rows), "--name", "sample")
    config = write_config(tmp_path, tiny_model, epochs=12, batch_size=2, grad_accum=1)
    run = temper.json("train", config, "--detach")
    wait_for_step(temper, 5)
    assert temper.json("runs", "stop", run["id"])["state"] == "cancelled"
    assert temper.json("runs", "stop", run["id"])["state"] == "cancelled"
    resumed = temper.json("runs", "resume", run["id"])
    assert resumed["state"] == "finished"
    assert resumed["step"] == resumed["total_steps"]
    listed = temper.json("runs", "list")
    assert [one["id"] for one in listed] == [run["id"]]
