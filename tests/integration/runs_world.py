"""A home with a scripted trainer, and services as a program that was just started has them."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_PYTHON, TrainingConfig
from models.domain.config_io import with_values
from models.domain.run import Run, RunEvent, RunState
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.run_records import RunRecords
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.trainer_code import TrainerCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.db.database import Database
    from trainer_image.contract import Result

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120.0


def make_home(folder: Path, script: str = "scripted_trainer.py") -> Path:
    """A folder with a trainer's code and some rows."""
    package = folder / "code" / "trainer_image"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(ROOT / "tests" / "data" / script, package / "train.py")
    rows = (json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(5))
    (folder / "rows.jsonl").write_text("\n".join(rows))
    return folder


def make_service(
    home: Path, database: Database, on_finished: Callable[[Run, Result], None] | None = None
) -> RunService:
    """A service as a program that has just been started has it."""
    library = DatasetLibrary(database, DatasetStore(home / "datasets"), home / "rows.jsonl")
    library.add_sample()
    return RunService(
        records=RunRecords(database),
        library=library,
        builder=JobBuilder(library, lambda: home / "data"),
        runners={RUNTIME_PYTHON: ProcessRunner(lambda: Path(sys.executable))},
        code=lambda: TrainerCode(home / "code", "0" * 64),
        offline=OfflinePolicy(),
        on_finished=on_finished,
    )


def config(how: str, **changes: object) -> TrainingConfig:
    values = {"dataset.session": "1", "hp.base_model": f"test/{how}", **changes}
    return with_values(TrainingConfig(), values)


def follow(
    service: RunService, run: Run, until: Callable[[Run], bool] = lambda run: run.state.is_over
) -> tuple[Run, list[RunEvent], str]:
    events: list[RunEvent] = []
    text = ""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        update = service.poll(run.id)
        events += update.events
        text += update.log
        if until(update.run):
            return update.run, events, text
        time.sleep(0.02)
    raise AssertionError(f"still {update.run}")


def let_finish(home: Path, run: Run) -> None:
    """Tell a trainer that was started with ``told`` to come to its end."""
    (home / "data" / "runs" / run.id / "go").touch()


def is_training(run: Run) -> bool:
    return run.state is RunState.RUNNING and run.step >= 2
