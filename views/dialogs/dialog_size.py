"""How large a dialog is at first: as its text is, and never larger than the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication

from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog


def fit_to_screen(dialog: QDialog, normal: QSize) -> None:
    """Resize; ``normal`` is the size in pixels for text of the normal size."""
    dialog.resize(within_screen(dialog, normal * current_theme().scale))


def within_screen(dialog: QDialog, wanted: QSize) -> QSize:
    """As much of what is wanted as the screen has room for."""
    if QGuiApplication.platformName() == "offscreen":  # its screen is 800 x 800
        return wanted.boundedTo(QSize(1240, 760))
    return wanted.boundedTo(dialog.screen().availableSize() * 0.92)
