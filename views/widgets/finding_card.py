"""One thing found in a dataset: what it is, in which rows, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from models.qt.learning_words import count_words
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.flow_row import FlowRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.data_gate import Remedy
    from models.domain.data_report import Finding

_ICONS = {"major": ("bad", "bad"), "minor": ("warning", "warning")}
_WORDS = {"major": "Must be solved", "minor": "To know"}
_MOST_ROWS = 8
"""Rows that have a button each; the next ones are reached by "next problem"."""
_LINK = 5
"""Pixels above and below the words of a link: its padding and border in the style sheet."""


class FindingCard(QFrame):
    """A card with an icon of its severity, buttons for its rows, and its remedies.

    Signals:
        row_requested: the number of a row, from 0 (payload).
        remedy_requested: the Finding and the Remedy (payloads).
    """

    row_requested = Signal(object)
    remedy_requested = Signal(object, object)

    def __init__(
        self, finding: Finding, remedies: Sequence[Remedy], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.finding = finding
        self._remedies = {f"{place}": remedy for place, remedy in enumerate(remedies)}
        self.setProperty("role", "answer")
        self.setObjectName(f"learning.finding.{finding.code}")
        self.setAccessibleName(f"{_WORDS[finding.severity]}: {finding.message}")
        self._icon = QLabel()
        self._column = QVBoxLayout()
        self._build()
        current_theme().changed.connect(self._show_icon)
        self._show_icon()

    def _build(self) -> None:
        self._column.setSpacing(6)
        message = text_label(self.finding.message, wrap=True)
        message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(message, 1)
        count = text_label(count_words(self.finding), "muted")
        head.addWidget(count, 0, Qt.AlignmentFlag.AlignTop)
        self._column.addLayout(head)
        if self.finding.rows:
            self._column.addWidget(self._rows())
        if self._remedies:
            self._column.addWidget(self._buttons())
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 12, 10)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._column, 1)

    def _rows(self) -> QWidget:
        holder = QWidget()
        line = FlowRow(holder, spacing=2)
        for row in self.finding.rows[:_MOST_ROWS]:
            button = push_button(f"{row + 1:,}", "link")
            button.setProperty("row", row)
            button.setAccessibleName(f"Show row {row + 1:,}")
            button.setToolTip(f"Show row {row + 1:,}")
            button.clicked.connect(self._on_row)
            line.addWidget(button)
        more = self.finding.count - len(self.finding.rows[:_MOST_ROWS])
        if more > 0:
            rest = text_label(f" and {more:,} more", "muted")
            rest.setContentsMargins(0, _LINK, 0, _LINK)
            line.addWidget(rest)
        return holder

    def _buttons(self) -> QWidget:
        holder = QWidget()
        line = FlowRow(holder, spacing=6)
        for key, remedy in self._remedies.items():
            button = push_button(remedy.label)
            button.setObjectName(f"{self.objectName()}.{remedy.kind}")
            button.setProperty("remedy", key)
            button.setToolTip(remedy.note)
            button.setAccessibleDescription(remedy.note)
            button.clicked.connect(self._on_remedy)
            line.addWidget(button)
        return holder

    @Slot()
    def _show_icon(self) -> None:
        theme = current_theme()
        if not theme.is_started:
            return
        icon, token = _ICONS[self.finding.severity]
        size = theme.icon_size(-3)
        self._icon.setPixmap(theme.icon(icon, getattr(theme.tokens, token)).pixmap(size))
        self._icon.setFixedSize(size)

    @Slot()
    def _on_row(self) -> None:
        self.row_requested.emit(_sender(self).property("row"))

    @Slot()
    def _on_remedy(self) -> None:
        remedy = self._remedies[_sender(self).property("remedy")]
        self.remedy_requested.emit(self.finding, remedy)


def _sender(card: FindingCard) -> QPushButton:
    button = card.sender()
    if not isinstance(button, QPushButton):
        raise TypeError("only a button of the card asks")
    return button
