"""The list of shortcuts, and About."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLabel, QMenu

from views.dialogs.help_dialogs import AboutDialog
from views.dialogs.shortcuts_dialog import ShortcutsDialog

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow

pytestmark = pytest.mark.slow


def _words(dialog: ShortcutsDialog | AboutDialog) -> list[str]:
    return [label.text() for label in dialog.findChildren(QLabel)]


def _shortcuts(window: MainWindow) -> ShortcutsDialog:
    found = window.findChild(ShortcutsDialog)
    assert found is not None
    return found


def test_every_shortcut_of_the_menus_is_listed_under_its_menu(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    words = _words(_shortcuts(window))
    for action in window.actions_.all:
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        assert not keys or keys in words, action.text()
    titles = {one.title().replace("&", "") for one in window.menuBar().findChildren(QMenu)}
    assert titles & set(words) >= {"File", "Configuration", "Run", "View", "Tools", "Help"}
    assert words.index("File") < words.index("Import files") < words.index("Configuration")


def test_the_list_fits_the_window_and_escape_closes_it(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.shortcuts.trigger()
    dialog = _shortcuts(window)
    assert dialog.height() <= 800
    assert dialog.width() <= 1280
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_about_says_what_it_is_and_which(window: MainWindow) -> None:
    window.setProperty("version", "1.2.3")
    window.actions_.about.trigger()
    dialog = window.findChild(AboutDialog)
    assert dialog is not None
    assert "Version 1.2.3" in _words(dialog)


def test_the_help_menu_has_guide_shortcuts_welcome_and_about(window: MainWindow) -> None:
    texts = [action.text().replace("&", "") for action in window.menuBar().actions()]
    menu = window.menuBar().actions()[texts.index("Help")].menu()
    assert isinstance(menu, QMenu)
    words = [action.text().replace("&", "") for action in menu.actions() if action.text()]
    assert words == ["Guide", "Keyboard shortcuts", "Welcome…", "About Temper"]
    assert window.actions_.guide.shortcut().toString() == "F1"
