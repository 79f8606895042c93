"""Fixtures of the window's tests: the loop, the leak check, the window with fake services."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QThread
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from qasync import QEventLoop

from app.wiring import Wiring
from controllers.desk import Desk
from controllers.lanes import Lanes
from controllers.tasks import Tasks
from models.qt.app_models import AppModels
from tests.qt.fakes import FakeServices, SyncLane
from views.main_window import MainWindow
from views.theme import current_theme
from views.window_menus import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from pytestqt.qtbot import QtBot

SECONDS = 60.0
"""How long a test waits for what is to come: what is met costs nothing, however busy all is."""
ICONS = Path(__file__).resolve().parents[2] / "resources" / "icons"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The offscreen platform says this of every window that has a smallest size."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore("does not support propagateSizeHints"))


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["temper-tests", "-style", "fusion"]


@pytest.fixture(autouse=True)
def no_dangling_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a QThread or a lane running."""
    started: list[QThread] = []
    real = QThread.start

    def start(self: QThread, *arguments: Any) -> None:
        started.append(self)
        real(self, *arguments)

    monkeypatch.setattr(QThread, "start", start)
    yield
    alive = [thread for thread in started if thread.isRunning()]
    for thread in alive:
        thread.requestInterruption()
        thread.quit()
        thread.wait(2000)
    lanes = [thread.name for thread in threading.enumerate() if thread.name.startswith("lane-")]
    assert not alive, f"{len(alive)} QThread(s) still running at the end of the test"
    assert not lanes, f"lanes still running at the end of the test: {lanes}"


class Aio:
    """Runs coroutines on the Qt loop: ``aio(coroutine)``, or until something has come true."""

    def __init__(self, loop: QEventLoop) -> None:
        self.loop = loop

    def __call__(self, coroutine: Coroutine[Any, Any, Any], timeout: float = SECONDS) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, timeout))

    def until(self, condition: Callable[[], bool], timeout: float = SECONDS) -> None:
        """Let the loop turn until ``condition`` holds."""

        async def wait() -> None:
            end = time.monotonic() + timeout
            while not condition():
                assert time.monotonic() < end, "it did not come true in time"
                await asyncio.sleep(0.005)

        self(wait(), timeout + 1)


@pytest.fixture
def qtbot(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> QtBot:
    """As pytest-qt has it, but that it waits as long as all these tests."""
    for wait in ("waitUntil", "waitSignal"):
        patient = partial(getattr(qtbot, wait), timeout=int(SECONDS * 1000))
        monkeypatch.setattr(qtbot, wait, patient)
    return qtbot


@pytest.fixture
def aio(qapp: QApplication) -> Iterator[Aio]:
    """The Qt loop for coroutines, with what is left over cancelled at the end."""
    qapp.setQuitOnLastWindowClosed(False)
    loop = QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    yield Aio(loop)
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[None]:
    """The light theme with its icons."""
    theme = current_theme()
    if not theme.is_started:
        theme.prepare("light")
        theme.start(ICONS)
    theme.set_mode("light")
    return


def destroy(widget: QWidget) -> None:
    """Delete a widget for good: what it was connected to must not outlive it."""
    widget.close()
    widget.hide()  # a window that asks first is still there, and must not be shown at its end
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def build_pages(window: MainWindow) -> None:
    """Build the pages that would be built when they are shown."""
    for page in range(len(PAGES)):
        window._pages.make(page)


@dataclass
class Program:
    """A window with its models, controllers and fake services."""

    window: MainWindow
    models: AppModels
    services: FakeServices
    desk: Desk
    wiring: Wiring
    aio: Aio
    bugs: list[BaseException]

    def child(self, name: str) -> Any:
        """The widget with this object name; there must be one. May build pages not yet shown."""
        found = self.window.findChild(QWidget, name)
        if found is None:
            build_pages(self.window)
            found = self.window.findChild(QWidget, name)
        assert found is not None, f"no widget is called {name}"
        return found

    def settle(self) -> None:
        """Let everything that was started come to its end."""
        self.aio(self.desk.tasks.settle())


@pytest.fixture
def services() -> FakeServices:
    """Services to prepare before ``program`` is asked for."""
    return FakeServices()


@pytest.fixture
def window(qapp: QApplication, themed: None) -> Iterator[MainWindow]:
    """A complete window without controllers."""
    made = MainWindow(AppModels())
    made.models.setParent(made)
    made.complete()
    made.set_ready(True)
    made.show()
    QTest.keyClick(made, Qt.Key.Key_Control)  # Qt would hold the last test's Shift for ever
    yield made
    destroy(made)


@pytest.fixture
def program(window: MainWindow, services: FakeServices, aio: Aio) -> Iterator[Program]:
    """The whole program, but for the services."""
    bugs: list[BaseException] = []
    lanes = Lanes(*(SyncLane() for _ in fields(Lanes)))  # type: ignore[arg-type]
    desk = Desk(lanes, Tasks(aio.loop, bugs.append))
    wiring = Wiring(window, desk, services)
    wiring.follower._seconds = 0.0
    yield Program(window, window.models, services, desk, wiring, aio, bugs)
    aio(desk.tasks.close())
    assert not bugs, bugs
