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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.environment.child_process import clean_environment
from tests.emulators.hub_repos import HubRepos
from tests.trainer.forked import forker
from tests.trainer.uploads import OWNER, TOKEN, hub_environment
from trainer_image.contract import Event, ExitCode

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator

    from tests.conftest import TrainerHome
    from tests.trainer.forked import Forker

ROOT = Path(__file__).parents[2]
PROBES = Path(__file__).parent / "probes"


def environment(data_root: Path | None = None) -> dict[str, str]:
    """The environment of a trainer's process."""
    own = clean_environment(os.environ) | {"PYTHONPATH": str(ROOT)}
    return own | ({"TEMPER_DATA_ROOT": str(data_root)} if data_root else {})


@pytest.fixture(scope="session")
def probes() -> Path:
    """The folder of the scripts that look inside."""
    return PROBES


@pytest.fixture(scope="session")
def probe_env() -> dict[str, str]:
    """The environment of a probe."""
    return environment()


@pytest.fixture(scope="session")
def shipped_templates(trainer_home: TrainerHome) -> Path:
    """The chat templates of many families, which only the pinned TRL need bring."""
    (folder,) = trainer_home.environment.python.parents[1].rglob("trl/chat_templates")
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
        self.env: dict[str, str] = {}
        """What the trainer's processes find in their environment beside the usual."""
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
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=environment(self.root) | self.env
            )

    def train(self, folder: Path) -> Finished:
        """Run a job to its end."""
        return self.ended(self.start(folder), folder)

    def ended(self, process: subprocess.Popen[bytes], folder: Path) -> Finished:
        """Wait for a trainer to end."""
        return self.left(folder, process.wait(timeout=240))

    def left(self, folder: Path, code: int) -> Finished:
        """What a trainer left that ended with this code."""
        return Finished(code, folder, self.root / "outputs" / folder.name)

    def train_until(self, folder: Path, reached: str, number: signal.Signals) -> Finished:
        """Send a signal as soon as the events of this boot hold the text ``reached``."""
        before = len(self.events(folder))
        process = self.start(folder)
        self.await_event(process, folder, reached, before)
        process.send_signal(number)
        return self.ended(process, folder)

    def await_event(
        self, process: subprocess.Popen[bytes], folder: Path, reached: str, before: int = 0
    ) -> None:
        """Wait until what was added to the first ``before`` characters of the events holds it."""
        while reached not in self.events(folder)[before:]:
            if process.poll() is not None:
                return
            time.sleep(0.005)

    def events(self, folder: Path) -> str:
        """The events of a run, as they stand in their file."""
        path = folder / "events.jsonl"
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="session")
def hub_of_forks() -> Iterator[HubRepos]:
    """The Hub to which all trainers of ``fork`` upload, if they do."""
    with HubRepos({TOKEN: (OWNER, "write")}) as hub:
        yield hub


@pytest.fixture(scope="session")
def fork(
    trainer_python: str, probe_env: dict[str, str], hub_of_forks: HubRepos
) -> Iterator[Forker]:
    """Starts trainers in a tenth of the time that their imports take."""
    with forker(trainer_python, probe_env | hub_environment(hub_of_forks.url)) as found:
        yield found


@pytest.fixture
def lab(tmp_path: Path, trainer_python: str, tiny_model: Path) -> Lab:
    """A data root of its own, with the tiny model."""
    return Lab(tmp_path, trainer_python, tiny_model)


@pytest.fixture(scope="module")
def shared_lab(
    tmp_path_factory: pytest.TempPathFactory, trainer_python: str, tiny_model: Path
) -> Lab:
    """A data root that the tests of a module share, with the tiny model."""
    return Lab(tmp_path_factory.mktemp("shared"), trainer_python, tiny_model)


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


@pytest.fixture(scope="session")
def make_lab(
    tmp_path_factory: pytest.TempPathFactory, trainer_python: str, tiny_model: Path
) -> Callable[[str], Lab]:
    """A data root with the tiny model that several tests share, by its name."""
    return lambda name: Lab(tmp_path_factory.mktemp(name), trainer_python, tiny_model)
