"""The window with real runs: detached processes that outlive it and are found again."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON
from models.domain.run import RunState
from services.configs import ConfigStore
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.run_history import RunHistory
from services.run_queue import RunQueue
from services.run_records import RunRecords
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.trainer_code import TrainerCode
from tests.e2e.real_window import RealWindow, run_in, until
from tests.integration.runs_world import make_home
from tests.qt.fakes import FakeServices

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]


@dataclass
class _Services(FakeServices):
    """Real runs, datasets and configurations; all else is a fake, and the trainer scripted."""

    database: Database | None = None

    def __post_init__(self) -> None:
        self.offline.settings = self.settings

    def close(self) -> None:
        if self.database is not None:
            self.database.close()


def _services(home: Path) -> _Services:
    database = Database.open(home / "temper.db")
    library = DatasetLibrary(database, DatasetStore(home / "datasets"), home / "rows.jsonl")
    runs = RunService(
        records=RunRecords(database),
        library=library,
        builder=JobBuilder(library, lambda: home / "data"),
        runners={RUNTIME_PYTHON: ProcessRunner(lambda: Path(sys.executable))},
        code=lambda: TrainerCode(home / "code", "0" * 64),
        offline=OfflinePolicy(),
    )
    return _Services(
        runs=runs,
        history=RunHistory(database, runs, library, home / "deleting.lock"),
        queue=RunQueue(runs, RunRecords(database), home / "queue.lock"),
        datasets=library,
        configs=ConfigStore(database),
        database=database,
    )


class _Window(RealWindow):
    """One start of the program."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(_services, home))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


def test_a_beginner_reaches_a_finished_run_in_two_clicks(qapp: QApplication, home: Path) -> None:
    run_in(qapp, _two_clicks(home))


async def _two_clicks(home: Path) -> None:
    async with _Window(home) as program:
        program.models.form.edit("hp.base_model", "test/finish")
        program.child("dataset.use_sample").click()
        await until(lambda: bool(program.models.form.value("dataset.session")))
        program.child("local.start").click()
        await until(lambda: program.state() is RunState.FINISHED)
        assert program.child("run.status").text() == "Training finished"
        assert program.models.run.metrics.curve("loss")[0] == list(range(1, 31))
        program.models.run.log.flush_all()
        assert program.models.run.log.index(0, 0).data() == "hello from the trainer"
        await until(lambda: program.child("infer.run").isVisible())


def test_a_run_goes_on_without_the_window_and_is_stopped_from_the_next(
    qapp: QApplication, home: Path
) -> None:
    run_in(qapp, _leave_running(home))
    run_in(qapp, _find_and_stop(home))


async def _leave_running(home: Path) -> None:
    async with _Window(home) as program:
        program.wiring.datasets.add_sample()
        await until(lambda: bool(program.models.form.value("dataset.session")))
        program.models.form.edit("hp.base_model", "test/wait")
        program.child("local.start").click()
        await until(lambda: len(program.models.run.metrics.curve("loss")[0]) >= 2)


async def _find_and_stop(home: Path) -> None:
    async with _Window(home) as program:
        assert any(one.startswith("Re-attached to run ") for one in program.said)
        await until(lambda: len(program.models.run.metrics.curve("loss")[0]) == 30)
        assert program.models.run.metrics.curve("loss")[0] == list(range(1, 31))
        assert program.child("local.start").text().replace("&", "") == "Add to queue"
        program.child("local.stop").click()
        await until(lambda: program.state() is RunState.CANCELLED)
        await until(lambda: program.child("run.resume").isVisible())
        program.models.run.log.flush_all()
        lines = [program.models.run.log.index(n, 0).data() for n in range(31)]
        assert lines == ["hello from the trainer", *(f"step {n}" for n in range(1, 31))]
