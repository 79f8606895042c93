"""The whole window without services, as a benchmark shows it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from models.qt.app_models import AppModels
from views.main_window import MainWindow
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Iterator

_ICONS = Path(__file__).resolve().parents[2] / "resources" / "icons"


@contextmanager
def shown_window() -> Iterator[MainWindow]:
    """A process has one of them, and it is destroyed in the end."""
    application = QApplication(["bench", "-style", "fusion"])
    current_theme().prepare("light")
    window = MainWindow(AppModels())
    window.models.setParent(window)
    current_theme().start(_ICONS)
    window.complete()
    window.set_ready(True)
    window.show()
    application.processEvents()
    yield window
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
