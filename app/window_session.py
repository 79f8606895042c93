"""The window's life after its first frame: the loop, the services, the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import psutil
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Slot
from qasync import QEventLoop

from app.collector import WindowCollector
from app.connect_help import GuideDesk
from app.crash import CrashReport, CrashReporter
from app.crash_report import program_version
from app.wiring import Wiring
from controllers.desk import Desk
from controllers.lanes import Lanes
from controllers.tasks import Tasks
from models.domain.base_models import load_base_models
from models.domain.errors import AppError
from views.dialogs.crash_dialog import CrashDialog
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from app.bootstrap import Services
    from app.first_frame import FirstFrame
    from app.paths import AppPaths
    from views.main_window import MainWindow

_LANE_SECONDS = 1.0
_END_SECONDS = 2.0
"""For each of the last two calls. What is cut off then is found again, or put back, at the next
start: nothing relies on an orderly end."""
_SETTLE_SECONDS = 0.3


class WindowSession(QObject):
    """Everything that lives between the first frame and the end."""

    def __init__(
        self, window: MainWindow, paths: AppPaths, settings: QSettings, *, offline: bool
    ) -> None:
        super().__init__(window)
        self._window = window
        self._paths = paths
        self._settings = settings
        self._offline = offline
        self._closed = asyncio.Event()
        self._crashes = CrashReporter(paths.logs, self)
        self._loop = asyncio.get_running_loop()
        self.desk = Desk(Lanes(), Tasks(self._loop, self._crashes.report))
        self._collector = WindowCollector(self)
        self.wiring: Wiring | None = None
        self._services: Services | None = None

    async def run(self, smoke: Path | None, frame: FirstFrame) -> None:
        """Build the rest, then stay until the window is closed."""
        self._collector.start()
        self._catch_faults()
        self._complete_window()
        await self._open_or_closed()
        self._collector.settle()
        if smoke is not None:
            await self._picture(smoke, frame)
            self._window.may_close = None  # nobody is there to be asked
            self._window.close()
        await self._closed.wait()
        await self._close()

    def _catch_faults(self) -> None:
        self._crashes.install()
        self._crashes.crashed.connect(self._on_crashed)
        self._loop.set_exception_handler(self._on_loop_error)

    def _complete_window(self) -> None:
        theme = current_theme()
        theme.follow_system()
        self._window.setProperty("version", program_version())
        self._window.complete()
        self._window.check_theme(theme.mode)
        self._window.theme_chosen.connect(self._on_theme_chosen)
        self._window.closed.connect(self._on_window_closed)

    async def _open_or_closed(self) -> None:
        """Fill the window; whoever closes it meanwhile does not wait for an engine that hangs."""
        opening = asyncio.ensure_future(self._open())
        closing = asyncio.ensure_future(self._closed.wait())
        await asyncio.wait({opening, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if opening.done():
            opening.result()  # a bug of ours is told
        else:
            opening.cancel()

    async def _open(self) -> None:
        lanes = self.desk.lanes
        self.desk.tasks.start(self._warm_up())
        try:
            self._services = await lanes.database.run(_build, self._paths, offline=self._offline)
        except AppError as error:
            self.desk.notices.noticed.connect(self._window.show_notice)
            self.desk.notices.show_error("Temper cannot open its data", error)
            GuideDesk(self._window)
            return
        self._window.models.settings.set_data_folder(str(self._paths.data))
        self.wiring = Wiring(self._window, self.desk, self._services)
        self.wiring.settings.look_changed.connect(self._on_look_changed)
        self._window.set_ready(True)
        await self.wiring.fill()

    async def _warm_up(self) -> None:
        """What is wanted soon: the list of models, the last fault, and the chart's library."""
        work = self.desk.lanes.work
        found = await work.run(load_base_models, _resource("base_models.toml"))
        self._window.models.base_models = found
        self._window.training.setup.model_card.base_model.set_models(found)
        earlier = await work.run(self._crashes.watch_faults)
        if earlier.strip():
            self._on_crashed(CrashReport("Temper ended unexpectedly the last time", earlier))
        await work.run(_import_chart)

    async def _picture(self, path: Path, frame: FirstFrame) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        await self.desk.tasks.settle()
        self._window.grab().save(str(path))
        document = {
            "first_frame_ms": round(frame.milliseconds(), 1),
            "configuration_ms": self._configuration_ms(frame),
            "rss_bytes": psutil.Process().memory_info().rss,
            "modules": sorted(frame.modules),
        }
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()

    def _configuration_ms(self, frame: FirstFrame) -> float | None:
        """From the first frame until the last used configuration stood in the form."""
        if self.wiring is None:
            return None
        return round((self.wiring.configuration_shown - frame.time) * 1000, 1)

    async def _close(self) -> None:
        self._settings.setValue("geometry", self._window.saveGeometry())
        self._settings.sync()
        if self.wiring is not None:
            self.wiring.stop_work()
        await asyncio.sleep(0)
        await self.desk.tasks.close()
        if self._services is not None:
            lanes = self.desk.lanes
            await _soon(lanes.database.run(_nothing))  # behind what is being stored, as notes
            await _soon(lanes.work.run(self._services.close))
        self.desk.lanes.close(_LANE_SECONDS)
        self._collector.stop()
        self._crashes.uninstall()

    @Slot()
    def _on_window_closed(self) -> None:
        self._closed.set()

    @Slot(str)
    def _on_theme_chosen(self, mode: str) -> None:
        current_theme().set_mode(mode)
        self._window.check_theme(mode)
        self._settings.setValue("theme", mode)

    @Slot(str, int)
    def _on_look_changed(self, theme: str, text_size: int) -> None:
        """The database keeps the settings; this copy is for the next first frame."""
        self._settings.setValue("theme", theme)
        self._settings.setValue("text_size", text_size)

    @Slot(object)
    def _on_crashed(self, report: CrashReport) -> None:
        CrashDialog(report.title, report.text, self._window).open()

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self._crashes.report(error)
        else:
            sys.stderr.write(f"{context.get('message')}\n")


def run_session(
    application: QApplication,
    window: MainWindow,
    paths: AppPaths,
    settings: QSettings,
    frame: FirstFrame,
    *,
    offline: bool,
    smoke: Path | None,
) -> int:
    """Run the window on an asyncio loop until it is closed."""

    async def main() -> None:
        session = WindowSession(window, paths, settings, offline=offline)
        await session.run(smoke, frame)

    with asyncio.Runner(loop_factory=lambda: QEventLoop(application)) as runner:
        runner.run(main())
    # Here and from the top down, not by Python's collection in whatever order.
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return 0


def _build(paths: AppPaths, *, offline: bool) -> Services:
    from app.bootstrap import build_services  # SQLAlchemy and friends: in the lane's thread
    from services.offline import OfflinePolicy

    return build_services(paths, OfflinePolicy(forced=offline))


async def _soon(work: Awaitable[None]) -> None:
    """Wait, but not for whoever waits for an engine or a disk that hangs."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, _END_SECONDS)


def _nothing() -> None:
    """Done once everything before it in its lane is."""


def _import_chart() -> None:
    import pyqtgraph  # noqa: F401 - heavy; the chart itself is made in the window's thread


def _resource(name: str) -> Path:
    from app.paths import resource

    return resource(name)
