"""Every action of the menus, with its shortcut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from views.theme import MODES
from views.window_menus import PAGES

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow

    from views.window_menus import WindowMenus

_PAGE_WORDS = {"Storage": "Stora&ge", "Doctor": "D&octor"}  # the letter D is that of Datasets
_MODE_WORDS = {"system": "&System", "light": "&Light", "dark": "&Dark"}


class WindowActions(QObject):
    """The actions by attribute; a window connects them, and enables what can be done."""

    def __init__(self, window: QMainWindow, menus: WindowMenus) -> None:
        super().__init__(window)
        self.all: list[QAction] = []
        self.quit = self._make("&Quit", "Ctrl+Q")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.import_menu = QMenu("&Import", window)
        self.import_dataset = self._make("Import &files…", "Ctrl+I")
        self.import_folder = self._make("Import a f&older…", "")
        self.import_clipboard = self._make("Import the &clipboard", "Ctrl+Shift+V")
        self.import_hub = self._make("Import from &Hugging Face…", "")
        self.import_database = self._make("Import the &earlier program's database…", "")
        self.new = self._make("&New", "Ctrl+N")
        self.save = self._make("&Save", "Ctrl+S")
        self.save_as = self._make("Save &As…", "Ctrl+Shift+S")
        self.duplicate = self._make("D&uplicate…", "Ctrl+D")
        self.rename = self._make("&Rename…", "F2")
        self.delete = self._make("&Delete…", "")
        self.import_config = self._make("&Import…", "Ctrl+Shift+I")
        self.export_config = self._make("&Export…", "Ctrl+Shift+E")
        self.refresh_configs = self._make("Re&fresh list", "F5")
        self.load_menu = QMenu("&Load", window)
        self.recent_menu = QMenu("Re&cent", window)
        self.start = self._make("&Start training", "Ctrl+R")
        self.stop = self._make("S&top training", "Ctrl+.")
        self.reattach = self._make("&Re-attach", "")
        self.try_model = self._make("Tr&y the model", "Ctrl+T")
        self.open_folder = self._make("&Open folder", "Ctrl+Shift+O")
        self.download_logs = self._make("&Download logs…", "Ctrl+L")
        self.settings = self._make("&Settings…", "Ctrl+,")
        self.settings.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.doctor = self._make("&Doctor…", "Ctrl+Shift+D")
        self.images = self._make("Manage Docker &images…", "")
        self.pods = self._make("Manage &pods…", "")
        self.prepare = self._make("Prepare &for offline…", "")
        self.offline = self._make("&Offline mode", "")
        self.offline.setCheckable(True)
        self.offline.setEnabled(False)
        self.larger = self._make("&Larger", "Ctrl++")
        self.larger.setShortcuts([QKeySequence("Ctrl++"), QKeySequence("Ctrl+=")])
        self.smaller = self._make("&Smaller", "Ctrl+-")
        self.normal_size = self._make("&Normal", "Ctrl+0")
        self.guide = self._make("&Guide", "F1")
        self.shortcuts = self._make("Keyboard &shortcuts", "Ctrl+/")
        self.welcome = self._make("&Welcome…", "")
        self.about = self._make("&About Temper", "")
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.pages = [self._page(number) for number in range(len(PAGES))]
        self.themes = self._theme_actions()
        self._fill(menus)

    def _make(self, text: str, keys: str) -> QAction:
        action = QAction(text, self)
        if keys:
            action.setShortcut(QKeySequence(keys))
        self.all.append(action)
        return action

    def _page(self, number: int) -> QAction:
        name = PAGES[number]
        action = self._make(_PAGE_WORDS.get(name, f"&{name}"), f"Ctrl+{number + 1}")
        action.setData(number)
        return action

    def _theme_actions(self) -> QActionGroup:
        group = QActionGroup(self)
        for mode in MODES:
            action = QAction(_MODE_WORDS[mode], group)
            action.setCheckable(True)
            action.setData(mode)
        return group

    def _fill(self, menus: WindowMenus) -> None:
        self.import_menu.addActions([self.import_dataset, self.import_folder])
        self.import_menu.addActions([self.import_clipboard, self.import_hub])
        self.import_menu.addSeparator()
        self.import_menu.addAction(self.import_database)
        menus.file.addMenu(self.import_menu)
        menus.file.addSeparator()
        menus.file.addAction(self.quit)
        self._fill_config(menus.config)
        menus.run.addActions([self.start, self.stop, self.reattach, self.try_model])
        menus.run.addSeparator()
        menus.run.addActions([self.open_folder, self.download_logs])
        menus.view.addActions(self.pages)
        menus.view.addSeparator()
        menus.view.addMenu("T&heme").addActions(self.themes.actions())
        sizes = (self.larger, self.smaller, self.normal_size)
        menus.view.addMenu("Te&xt size").addActions(sizes)
        menus.tools.addActions([self.doctor, self.images, self.pods])
        menus.tools.addActions([self.offline, self.prepare, self.settings])
        menus.help.addActions([self.guide, self.shortcuts, self.welcome, self.about])

    def _fill_config(self, menu: QMenu) -> None:
        load, recent = self.load_menu.menuAction(), self.recent_menu.menuAction()
        menu.addActions([self.new, load, recent])
        menu.addSeparator()
        menu.addActions([self.save, self.save_as, self.duplicate, self.rename, self.delete])
        menu.addSeparator()
        menu.addActions([self.import_config, self.export_config])
        menu.addSeparator()
        menu.addAction(self.refresh_configs)
