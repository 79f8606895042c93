"""The window from the process's start to its end: first frame, then everything else.

Stage 1 imports Qt and the Training page, nothing more, and paints. Stage 2 brings the asyncio loop,
the other pages, and the services, whose heavy imports happen in the database lane.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

# Before Qt: PySide's import hook reads the source of every module that is imported after it,
# looking for its own name; these have no need of it (measured: 6 ms of the first frame).
from app.paths import app_paths, resource
from models.domain.config_io import settings_index
from models.qt import wording
from views import stylesheet

# isort: split
from PySide6.QtCore import QEventLoop, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.first_frame import FirstFrame
from models.qt.app_models import AppModels
from views.main_window import MainWindow
from views.theme import SYSTEM, current_theme

if TYPE_CHECKING:
    from pathlib import Path


_BEFORE_QT = (settings_index, wording, stylesheet)
_PATIENCE_MS = 5_000
"""For a first paint that never comes, as in a session without a screen."""


def run_window(*, offline: bool = False, smoke: Path | None = None) -> int:
    """Show the window until it is closed; with ``smoke`` picture it once it is idle, and quit."""
    application = _application()
    paths = app_paths()
    settings = QSettings(str(paths.home / "window.ini"), QSettings.Format.IniFormat)
    theme = current_theme()
    theme.prepare(str(settings.value("theme", SYSTEM)))
    theme.set_text_size(_text_size(settings))
    window = MainWindow(AppModels())
    window.training.setup.set_data_root(paths.data)
    theme.start(resource("icons"))
    _place(window, settings)
    frame = _show_first_frame(window)

    from app.window_session import run_session  # asyncio, qasync and all the rest

    return run_session(application, window, paths, settings, frame, offline=offline, smoke=smoke)


def _text_size(settings: QSettings) -> int:
    text = str(settings.value("text_size", ""))
    return max(100, min(int(text), 200)) if text.isdecimal() else 100


def _application() -> QApplication:
    application = QApplication.instance()
    if isinstance(application, QApplication):
        return application
    application = QApplication([sys.argv[0], "-style", "fusion"])
    application.setApplicationName("Temper")
    application.setDesktopFileName("temper")
    application.setQuitOnLastWindowClosed(False)
    return application


def _place(window: MainWindow, settings: QSettings) -> None:
    geometry = settings.value("geometry")
    if geometry is not None:
        window.restoreGeometry(geometry)


def _show_first_frame(window: MainWindow) -> FirstFrame:
    frame = FirstFrame(window)
    loop = QEventLoop()
    frame.painted.connect(loop.quit)
    patience = QTimer()
    patience.setSingleShot(True)
    patience.timeout.connect(loop.quit)
    patience.start(_PATIENCE_MS)
    window.show()
    loop.exec()
    patience.stop()
    return frame
