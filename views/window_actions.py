"""Every action of the menus, with its shortcut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from views.theme import MODES
from views.window_menus import PAGES

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow, QMenu

    from views.window_menus import WindowMenus

_MODE_WORDS = {"system": "&System", "light": "&Light", "dark": "&Dark"}


class WindowActions(QObject):
    """The actions by attribute; a window connects them, and enables what can be done."""

    def __init__(self, window: QMainWindow, menus: WindowMenus) -> None:
        super().__init__(window)
        self.all: list[QAction] = []
        self.import_dataset = self._make("&Import dataset…", "Ctrl+I")
        self.quit = self._make("&Quit", "Ctrl+Q")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.new = self._make("&New", "Ctrl+N")
        self.save = self._make("&Save", "Ctrl+S")
        self.save_as = self._make("Save &As…", "Ctrl+Shift+S")
        self.start = self._make("&Start training", "Ctrl+R")
        self.stop = self._make("S&top training", "Ctrl+.")
        self.open_folder = self._make("&Open folder", "Ctrl+Shift+O")
        self.download_logs = self._make("&Download logs…", "Ctrl+L")
        self.shortcuts = self._make("Keyboard &shortcuts", "F1")
        self.about = self._make("&About Temper", "")
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.pages = [self._page(number) for number in range(len(PAGES))]
        self.themes = self._theme_actions()
        self.load_menu = self._fill(menus)

    def _make(self, text: str, keys: str) -> QAction:
        action = QAction(text, self)
        if keys:
            action.setShortcut(QKeySequence(keys))
        self.all.append(action)
        return action

    def _page(self, number: int) -> QAction:
        action = self._make(f"&{PAGES[number]}", f"Ctrl+{number + 1}")
        action.setData(number)
        return action

    def _theme_actions(self) -> QActionGroup:
        group = QActionGroup(self)
        for mode in MODES:
            action = QAction(_MODE_WORDS[mode], group)
            action.setCheckable(True)
            action.setData(mode)
        return group

    def _fill(self, menus: WindowMenus) -> QMenu:
        menus.file.addAction(self.import_dataset)
        menus.file.addSeparator()
        menus.file.addAction(self.quit)
        menus.config.addActions([self.new, self.save, self.save_as])
        menus.config.addSeparator()
        load_menu = menus.config.addMenu("&Load")
        menus.run.addActions([self.start, self.stop])
        menus.run.addSeparator()
        menus.run.addActions([self.open_folder, self.download_logs])
        menus.view.addActions(self.pages)
        menus.view.addSeparator()
        menus.view.addMenu("T&heme").addActions(self.themes.actions())
        menus.help.addActions([self.shortcuts, self.about])
        return load_menu
