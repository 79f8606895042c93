"""The actions on what is selected in a page's table, as one menu for the page and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class ActionMenu(QObject):
    """Makes the actions; an action says in its tooltip what it does, or why it cannot be."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.menu = QMenu("Actions", parent)
        self.menu.setObjectName(name)
        self.menu.setToolTipsVisible(True)

    def _make(self, text: str, tip: str) -> QAction:
        action = QAction(text, self)
        action.setProperty("tip", tip)
        action.setToolTip(tip)
        self.menu.addAction(action)
        return action


def enable(action: QAction, reason: str) -> None:
    """Enable an action of a menu, or say why it cannot be."""
    action.setEnabled(not reason)
    action.setToolTip(reason or str(action.property("tip")))
