"""The buttons over the runs: the likeliest actions, and all of them in a menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from views.widgets.buttons import push_button

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from views.run_actions import RunActions

_GAP = 8


class RunBar(QWidget):
    """Where there is no room for all, only the menu stays: it has everything."""

    def __init__(self, actions: RunActions) -> None:
        super().__init__()
        self._actions = actions
        self._use = push_button("Use this setup")
        self._again = push_button("Run again exactly")
        self._delete = push_button("Delete…")
        self.more = push_button("More")
        self._pairs = (
            (self._use, actions.use),
            (self._again, actions.again),
            (self._delete, actions.delete),
        )
        self._build()
        for button, action in self._pairs:
            button.clicked.connect(action.trigger)
        actions.changed.connect(self._show_actions)
        self._show_actions()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_GAP)
        row.addStretch(1)
        named = {
            "use_setup": self._use,
            "again": self._again,
            "delete": self._delete,
            "more": self.more,
        }
        for name, button in named.items():
            button.setObjectName(f"runs.{name}")
            row.addWidget(button)
        self.more.setMenu(self._actions.menu)
        self.more.setToolTip("Everything that can be done with the selected runs")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @Slot()
    def _show_actions(self) -> None:
        for button, action in self._pairs:
            button.setEnabled(action.isEnabled())
            button.setToolTip(action.toolTip())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        buttons = [button for button, _ in self._pairs]
        wanted = sum(button.sizeHint().width() + _GAP for button in (*buttons, self.more))
        for button in buttons:
            button.setVisible(self.width() >= wanted)
