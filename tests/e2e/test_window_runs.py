"""The window with real runs: detached processes that outlive it and are found again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget
from qasync import QEventLoop

from app.paths import resource
from app.wiring import Wiring
from controllers.desk import Desk
from controllers.lanes import Lanes
from controllers.tasks import Tasks
from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON
from models.domain.run import RunState
from models.qt.app_models import AppModels
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
from tests.qt.collecting import collect_between_tests, settled_memory  # noqa: F401 - fixtures
from tests.qt.fakes import FakeServices
from views.main_window import MainWindow
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from PySide6.QtWidgets import QApplication

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


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


class _Window:
    """One start of the program."""

    def __init__(self, home: Path) -> None:
        self.bugs: list[BaseException] = []
        self.said: list[str] = []
        self._home = home
        self.desk = Desk(Lanes(), Tasks(asyncio.get_running_loop(), self.bugs.append))
        self.desk.notices.said.connect(self.said.append)
        if not current_theme().is_started:
            current_theme().prepare("light")
            current_theme().start(resource("icons"))
        self.window = MainWindow(AppModels())
        self.models = self.window.models
        self.models.setParent(self.window)
        self.window.complete()

    async def __aenter__(self) -> _Window:
        self.services = await self.desk.lanes.database.run(_services, self._home)
        self.wiring = Wiring(self.window, self.desk, self.services)
        self.window.set_ready(True)
        self.window.show()
        await self.wiring.fill()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.desk.tasks.close()
        self.desk.lanes.close(5.0)
        self.services.close()
        self.window.may_close = lambda: True  # changes of the form are not asked about
        self.window.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert not self.bugs, self.bugs

    def child(self, name: str) -> Any:
        found = self.window.findChild(QWidget, name)
        assert found is not None, name
        return found

    def state(self) -> RunState | None:
        run = self.models.run.status.run
        return None if run is None else run.state


async def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the window has no event to wait for
            await asyncio.sleep(0.01)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    package = tmp_path / "code" / "trainer_image"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(ROOT / "tests" / "data" / "scripted_trainer.py", package / "train.py")
    rows = (json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(5))
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def _run(qapp: QApplication, coroutine: Coroutine[object, object, None]) -> None:
    qapp.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: QEventLoop(qapp)) as runner:
        runner.run(coroutine)


def test_a_beginner_reaches_a_finished_run_in_two_clicks(qapp: QApplication, home: Path) -> None:
    _run(qapp, _two_clicks(home))


async def _two_clicks(home: Path) -> None:
    async with _Window(home) as program:
        program.models.form.edit("hp.base_model", "test/finish")
        program.child("dataset.use_sample").click()
        await _until(lambda: bool(program.models.form.value("dataset.session")))
        program.child("local.start").click()
        await _until(lambda: program.state() is RunState.FINISHED)
        assert program.child("run.status").text() == "Training finished"
        assert program.models.run.metrics.curve("loss")[0] == list(range(1, 31))
        program.models.run.log.flush_all()
        assert program.models.run.log.index(0, 0).data() == "hello from the trainer"
        await _until(lambda: program.child("infer.run").isVisible())


def test_a_run_goes_on_without_the_window_and_is_stopped_from_the_next(
    qapp: QApplication, home: Path
) -> None:
    _run(qapp, _leave_running(home))
    _run(qapp, _find_and_stop(home))


async def _leave_running(home: Path) -> None:
    async with _Window(home) as program:
        program.wiring.datasets.add_sample()
        await _until(lambda: bool(program.models.form.value("dataset.session")))
        program.models.form.edit("hp.base_model", "test/wait")
        program.child("local.start").click()
        await _until(lambda: len(program.models.run.metrics.curve("loss")[0]) >= 2)


async def _find_and_stop(home: Path) -> None:
    async with _Window(home) as program:
        assert program.said[-1].startswith("Re-attached to run ")
        await _until(lambda: len(program.models.run.metrics.curve("loss")[0]) == 30)
        assert program.models.run.metrics.curve("loss")[0] == list(range(1, 31))
        assert program.child("local.start").text().replace("&", "") == "Add to queue"
        program.child("local.stop").click()
        await _until(lambda: program.state() is RunState.CANCELLED)
        assert program.child("run.resume").isVisible()
        program.models.run.log.flush_all()
        lines = [program.models.run.log.index(n, 0).data() for n in range(31)]
        assert lines == ["hello from the trainer", *(f"step {n}" for n in range(1, 31))]
