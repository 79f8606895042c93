"""The line over the rows of a dataset: the number of a row, and a text to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.flow_row import FlowRow

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_SEPARATORS = ", .'\u202f\u00a0"
"""What may stand between the digits of a number that somebody pastes."""


class RowTools(QWidget):
    """Says which row of how many is shown, and takes where to go.

    Signals:
        row_requested: the row (from 0) to go to.
        find_requested: find the text; whether backwards.
        find_cancelled: the search that goes on is no longer wanted.
    """

    row_requested = Signal(object)
    find_requested = Signal(bool)
    find_cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self.number = QLineEdit()
        self._of = text_label("", "muted")
        self._state = ElidedLabel("muted")
        self.text = _FindLine()
        self._previous = IconButton("back", "Find the previous row (Shift+F3)")
        self._next = IconButton("forward", "Find the next row (F3)")
        self._setup()
        self._build()
        self._connect()
        self.show_count(0)

    def show_count(self, count: int) -> None:
        """Of how many rows there are; without any, there is nothing to go to."""
        self._count = count
        self._of.setText(f"of {count:,}" if count else "")
        for widget in (self.number, self.text, self._previous, self._next):
            widget.setEnabled(count > 0)

    def show_number(self, row: int) -> None:
        """Which row (from 0) is shown; -1 for none."""
        self.number.setText(f"{row + 1:,}" if row >= 0 else "")

    def show_state(self, words: str) -> None:
        """Say how a search goes."""
        self._state.setText(words)

    def _setup(self) -> None:
        self.number.setObjectName("datasets.row_number")
        self.number.setAccessibleName("Go to row")
        self.number.setToolTip("Type a number and press Return (Ctrl+G)")
        self.text.setObjectName("datasets.find")
        self.text.setAccessibleName("Find in rows")
        self.text.setPlaceholderText("Find in rows (F3)")
        self.text.setToolTip("A text in any column, whatever its case")
        self.text.setClearButtonEnabled(True)
        self._previous.setObjectName("datasets.find_previous")
        self._next.setObjectName("datasets.find_next")
        self._state.setObjectName("datasets.find_state")
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _build(self) -> None:
        label = QLabel("Ro&w")
        label.setBuddy(self.number)
        row = FlowRow(self, spacing=6)
        row.addWidget(_together(label, self.number, self._of))
        row.add_spring()
        row.addWidget(self._state)
        row.addWidget(_together(self.text, self._previous, self._next))

    def _connect(self) -> None:
        self.number.returnPressed.connect(self._on_number)
        self.text.returnPressed.connect(self._on_next)
        self.text.escaped.connect(self.find_cancelled)
        self._next.clicked.connect(self._on_next)
        self._previous.clicked.connect(self._on_previous)
        current_theme().changed.connect(self._fit)
        self._fit()

    @Slot()
    def _on_number(self) -> None:
        digits = "".join(one for one in self.number.text() if one not in _SEPARATORS)
        if digits.isdecimal() and 1 <= int(digits) <= self._count:
            self.show_state("")
            self.row_requested.emit(int(digits) - 1)
        else:
            self.show_state(f"The rows go from 1 to {self._count:,}.")

    @Slot()
    def _on_next(self) -> None:
        self.find_requested.emit(False)

    @Slot()
    def _on_previous(self) -> None:
        self.find_requested.emit(True)

    @Slot()
    def _fit(self) -> None:
        letters = self.fontMetrics()
        self.number.setFixedWidth(letters.horizontalAdvance("9,999,999") + 28)
        self.text.setFixedWidth(letters.horizontalAdvance("Find in rows (F3)") + 90)


def _together(*widgets: QWidget) -> QWidget:
    """What stays in one row wherever the line breaks."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget)
    return holder


class _FindLine(QLineEdit):
    """A line that tells when it is left with Escape.

    Signals:
        escaped: the Escape key.
    """

    escaped = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
            return
        super().keyPressEvent(event)
