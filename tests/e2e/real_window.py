"""The window over real services, and the loop that it lives on."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Self, TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget
from qasync import QEventLoop

from app.paths import resource
from app.wiring import Wiring
from controllers.desk import Desk
from controllers.lanes import Lanes
from controllers.tasks import Tasks
from models.qt.app_models import AppModels
from views.main_window import MainWindow
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from PySide6.QtWidgets import QApplication

    from models.domain.run import RunState

R = TypeVar("R")


class RealWindow:
    """One start of the program, for ``async with``; ``build`` makes its services in their lane."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self.bugs: list[BaseException] = []
        self.said: list[str] = []
        self._build = build
        self.desk = Desk(Lanes(), Tasks(asyncio.get_running_loop(), self.bugs.append))
        self.desk.notices.said.connect(self.said.append)
        if not current_theme().is_started:
            current_theme().prepare("light")
            current_theme().start(resource("icons"))
        self.window = MainWindow(AppModels())
        self.models = self.window.models
        self.models.setParent(self.window)
        self.window.complete()

    async def __aenter__(self) -> Self:
        self.services = await self.desk.lanes.database.run(self._build)
        self.wiring = Wiring(self.window, self.desk, self.services)
        self.window.set_ready(True)
        self.window.show()
        self.window.activateWindow()
        await self.wiring.fill()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.wiring.stop_work()
        await self.desk.tasks.close()
        await self.desk.lanes.work.run(self.services.close)
        self.desk.lanes.close(10.0)
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


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Let the window live until this is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the window has no event to wait for
            await asyncio.sleep(0.01)


def run_in(qapp: QApplication, coroutine: Coroutine[object, object, R]) -> R:
    """Run a session on the window's own kind of loop."""
    qapp.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: QEventLoop(qapp)) as runner:
        return runner.run(coroutine)
