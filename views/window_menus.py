"""The titles of the menus; what is in them comes after the first frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMenuBar

PAGES = ("Training", "Runs", "Datasets", "Models", "Storage", "Doctor", "Settings")


class WindowMenus:
    """The menus of the window by what they are about."""

    def __init__(self, bar: QMenuBar) -> None:
        self.file = bar.addMenu("&File")
        self.config = bar.addMenu("&Configuration")
        self.run = bar.addMenu("&Run")
        self.view = bar.addMenu("&View")
        self.tools = bar.addMenu("&Tools")
        self.help = bar.addMenu("&Help")
