"""The likeliest actions of a page as buttons, and all of them in a menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from views.widgets.buttons import push_button

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QResizeEvent
    from PySide6.QtWidgets import QMenu

_GAP = 8


class ActionBar(QWidget):
    """Where there is no room for all, only the menu stays: it has everything."""

    def __init__(self, menu: QMenu, tip: str) -> None:
        super().__init__()
        self._pairs: list[tuple[QPushButton, QAction]] = []
        self.more = push_button("More")
        self.more.setMenu(menu)
        self.more.setToolTip(tip)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(_GAP)
        self._row.addStretch(1)
        self._row.addWidget(self.more)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def add(self, name: str, text: str, action: QAction) -> QPushButton:
        """A button for one of the menu's actions, before the menu."""
        button = push_button(text)
        button.setObjectName(name)
        button.clicked.connect(action.trigger)
        action.changed.connect(self._show_actions)
        self._pairs.append((button, action))
        self._row.insertWidget(self._row.count() - 1, button)
        self._show_actions()
        return button

    @Slot()
    def _show_actions(self) -> None:
        for button, action in self._pairs:
            button.setEnabled(action.isEnabled())
            button.setToolTip(action.toolTip())
        self._fit()

    def _fit(self) -> None:
        self.setMinimumWidth(self.more.sizeHint().width())
        offered = [button for button, action in self._pairs if action.isVisible()]
        wanted = sum(button.sizeHint().width() + _GAP for button in (*offered, self.more))
        fits = self.width() >= wanted
        for button, action in self._pairs:
            button.setVisible(fits and action.isVisible())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
