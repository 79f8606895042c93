"""The program's run service over a real engine, as each start of the program makes it."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.db.database import Database
from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.docker.engine import DockerEngine
from services.install_id import InstallId
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.run_files import RunFolder
from services.run_records import RunRecords
from services.runners.docker import DockerRunner
from services.runs import RunService
from services.trainer_code import TrainerCode
from tests.integration import runs_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.run import Run, RunEvent

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 240.0


def make_home(folder: Path, script: str = "container_trainer.py") -> Path:
    """A home with a trainer that runs in a container, and a dataset to import."""
    return runs_world.make_home(folder, script)


@dataclass
class Program:
    """One start of the program, with what it has seen of the run it follows."""

    home: Path
    runs: RunService
    runner: DockerRunner
    engine: DockerEngine
    image: str
    events: list[RunEvent] = field(default_factory=list)
    log: str = ""
    troubles: set[str] = field(default_factory=set)

    def start(self, how: str, **changes: object) -> Run:
        """Start a run whose trainer behaves as ``how`` says."""
        return self.runs.start(self.config(how, **changes))

    def config(self, how: str, **changes: object) -> TrainingConfig:
        """Its setup."""
        model = how if how.startswith("/") else f"test/{how}"
        values = {"dataset.session": "1", "hp.base_model": model, "local.runtime": RUNTIME_DOCKER,
                  "local.image": self.image, "local.use_gpu": False, **changes}  # fmt: skip
        return with_values(TrainingConfig(), values)

    def follow(
        self, run: Run, until: Callable[[Run], bool] = lambda run: run.state.is_over,
        seconds: float = DEADLINE_SECONDS,
    ) -> Run:  # fmt: skip
        """Poll as the window does, keeping what comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            update = self.runs.poll(run.id)
            self.events += update.events
            self.log += update.log
            if update.trouble:
                self.troubles.add(update.trouble)
            if until(update.run):
                return update.run
            time.sleep(0.05)
        raise AssertionError(f"still {update.run.state}: {update.trouble or self.log[-500:]}")

    def follow_to(self, run: Run, text: str) -> Run:
        """Follow until the log has this text."""
        return self.follow(run, lambda _: text in self.log)

    def log_file(self, run: Run) -> str:
        """The run's log as it lies on the disk."""
        return RunFolder(self.home / "data", run.id).log.read_text()

    def seqs(self) -> list[int]:
        """The numbers of the events seen."""
        return [event.seq for event in self.events]


@contextmanager
def program(
    home: Path, image: str, *, token: str | None = None, offline: bool = False
) -> Iterator[Program]:
    """Start the program, and end it as closing its window does."""
    engine = DockerEngine()
    with closing(Database.open(home / "temper.db")) as database:
        library = DatasetLibrary(database, DatasetStore(home / "datasets"), home / "rows.jsonl")
        if not library.list():
            library.add_sample()
        runner = DockerRunner(engine, lambda: token, InstallId(database))
        runs = RunService(
            records=RunRecords(database),
            library=library,
            builder=JobBuilder(library, lambda: home / "data", lambda: token),
            runners={RUNTIME_DOCKER: runner},
            code=lambda: TrainerCode(home / "code", "0" * 64),
            offline=OfflinePolicy(forced=offline),
        )
        try:
            yield Program(home, runs, runner, engine, image)
        finally:
            runner.close()
            engine.forget()


def lines_of_talk(count: int) -> list[str]:
    """What ``talk-<count>`` prints."""
    return ["hello from the container", *(f"line {number}" for number in range(count))]


def containers(client: Any) -> list[dict[str, Any]]:
    """Every container of an engine, ended ones too."""
    return list(client.api.containers(all=True))
