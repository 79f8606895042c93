"""Every shortcut of the program, by the menu or the place that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from views.dialogs.dialog_size import within_screen
from views.widgets.card import text_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtGui import QAction, QShowEvent

Keys = tuple[str, str]
_PLACES: dict[str, Sequence[Keys]] = {
    "Quick Local Inference": (("Run the prompt", "Ctrl+Return"), ("End the answer", "Esc")),
    "Runs": (
        ("Search", "Ctrl+F"),
        ("Rename", "F2"),
        ("Delete, or take out of the queue", "Del"),
        ("Earlier in the queue", "Alt+Up"),
        ("Later in the queue", "Alt+Down"),
    ),
    "Datasets": (
        ("Search", "Ctrl+F"),
        ("Rename", "F2"),
        ("Delete", "Del"),
        ("Undo a delete", "Ctrl+Z"),
        ("Go to a row", "Ctrl+G"),
        ("Find in rows, and further", "F3"),
        ("Find backwards", "Shift+F3"),
        ("Import the clipboard", "Ctrl+V"),
    ),
    "Log": (("Copy the selected lines", "Ctrl+C"),),
    "Guide": (("Search", "Ctrl+F"), ("Back", "Alt+Left"), ("Forward", "Alt+Right")),
}
"""Those that are no actions of the menus: they work where they are about something."""
_WIDEST = "Ctrl+Shift+W"


class ShortcutsDialog(QDialog):
    """Two columns of groups, which scroll where the screen is low."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keyboard shortcuts")
        self._area = QScrollArea()
        self._area.setObjectName("shortcuts.list")
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list = _columns(_groups(actions) | _PLACES)
        self._area.setWidget(self._list)
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(text_label("Keyboard shortcuts", "title"))
        column.addWidget(self._area, 1)
        column.addWidget(box)

    def showEvent(self, event: QShowEvent) -> None:
        """As large as the list, while the screen has room for it; Qt's own guess is two thirds."""
        super().showEvent(event)
        rest = self.sizeHint().height() - self._area.sizeHint().height()
        wanted = QSize(self._list.sizeHint().width() + 60, self._list.sizeHint().height() + rest)
        self.resize(within_screen(self, wanted))


def _groups(actions: Iterable[QAction]) -> dict[str, Sequence[Keys]]:
    """The actions that have a shortcut, by the title of the menu that they stand in."""
    found: dict[str, list[Keys]] = {}
    for action in actions:
        if not action.shortcut().isEmpty():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            words = action.text().replace("&", "").rstrip("…")
            found.setdefault(_menu_title(action), []).append((words, keys))
    return dict(found)


def _menu_title(action: QAction) -> str:
    menus = (one for one in action.associatedObjects() if isinstance(one, QMenu))
    return next((menu.title().replace("&", "") for menu in menus), "")


def _columns(groups: dict[str, Sequence[Keys]]) -> QWidget:
    """Two columns of about the same height; a group is never torn apart."""
    content = QWidget()
    content.setObjectName("column")
    row = QHBoxLayout(content)
    row.setContentsMargins(0, 0, 8, 0)
    row.setSpacing(44)
    half = sum(len(keys) + 2 for keys in groups.values()) / 2
    columns = [QVBoxLayout(), QVBoxLayout()]
    used = 0
    for title, keys in groups.items():
        columns[0 if used < half else 1].addLayout(_group(title, keys))
        used += len(keys) + 2
    for column in columns:
        column.setSpacing(18)
        column.addStretch(1)
        row.addLayout(column, 1)
    return content


def _group(title: str, keys: Sequence[Keys]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(32)
    grid.setVerticalSpacing(7)
    grid.setColumnStretch(0, 1)
    heading = text_label(title, "heading")
    grid.setColumnMinimumWidth(1, heading.fontMetrics().horizontalAdvance(_WIDEST))
    grid.addWidget(heading, 0, 0, 1, 2)
    for number, (words, shortcut) in enumerate(keys, start=1):
        grid.addWidget(text_label(words), number, 0)
        grid.addWidget(text_label(shortcut, "muted"), number, 1)
    return grid
