"""The window over the real services: database, files and lanes, without a trainer."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget
from qasync import QEventLoop

from app.bootstrap import build_services
from app.paths import AppPaths, resource
from app.wiring import Wiring
from controllers.desk import Desk
from controllers.lanes import Lanes
from controllers.tasks import Tasks
from models.qt.app_models import AppModels
from services.offline import OfflinePolicy
from tests.qt.collecting import collect_between_tests, settled_memory  # noqa: F401 - fixtures
from views.main_window import MainWindow
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


class _Session:
    """One start of the program on a home folder."""

    def __init__(self, home: Path) -> None:
        self.bugs: list[BaseException] = []
        self.desk = Desk(Lanes(), Tasks(asyncio.get_running_loop(), self.bugs.append))
        if not current_theme().is_started:
            current_theme().prepare("light")
            current_theme().start(resource("icons"))
        self.window = MainWindow(AppModels())
        self.window.models.setParent(self.window)
        self.window.complete()
        self.paths = AppPaths(home)

    async def open(self) -> None:
        policy = OfflinePolicy(forced=True)
        self.services = await self.desk.lanes.database.run(build_services, self.paths, policy)
        self.wiring = Wiring(self.window, self.desk, self.services)
        self.window.set_ready(True)
        await self.wiring.fill()
        await self.desk.tasks.settle()

    async def close(self) -> None:
        await self.desk.tasks.close()
        await self.desk.lanes.database.run(self.services.close)
        self.desk.lanes.close(5.0)
        self.window.may_close = lambda: True  # changes of the form are not asked about
        self.window.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert not self.bugs, self.bugs


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the window has no event to wait for
            await asyncio.sleep(0.01)


def _run(qapp: QApplication, coroutine: Coroutine[object, object, None]) -> None:
    qapp.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: QEventLoop(qapp)) as runner:
        runner.run(coroutine)


def test_import_save_and_start_again(qapp: QApplication, tmp_path: Path) -> None:
    source = tmp_path / "answers.jsonl"
    rows = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(50)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    _run(qapp, _import_and_save(tmp_path / "home", source))
    _run(qapp, _find_again(tmp_path / "home"))


async def _import_and_save(home: Path, source: Path) -> None:
    session = _Session(home)
    await session.open()
    models = session.window.models
    session.wiring.datasets.import_file(source)
    await _until(lambda: models.datasets.rowCount() == 1)
    await _until(lambda: models.form.value("dataset.session") == "answers")
    models.form.edit("hp.epochs", 3.5)
    session.wiring.configs.save_as("Mine")
    await _until(lambda: models.form.name == "Mine" and not models.form.is_unsaved)
    await session.close()


async def _find_again(home: Path) -> None:
    session = _Session(home)
    await session.open()
    models = session.window.models
    assert models.form.name == "Mine"
    assert models.form.value("hp.epochs") == 3.5
    combo = session.window.findChild(QWidget, "dataset.session")
    assert combo is not None
    assert combo.currentText() == "answers"  # type: ignore[attr-defined]
    models.rows.show_session(models.datasets.item(0))
    await _until(lambda: models.rows.rowCount() == 50)
    assert models.rows.index(49, 0).data() == "Question 49?"
    session.wiring.training.start()
    await session.desk.tasks.settle()
    assert session.window.training.banner.notice is not None
    assert session.window.training.banner.notice.action == "setup_runtime"
    await session.close()
