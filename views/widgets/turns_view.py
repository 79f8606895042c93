"""A row to read as a conversation: who speaks, and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from views.widgets.card import text_label
from views.widgets.flow_text import FlowText

if TYPE_CHECKING:
    from models.qt.mapping_model import PreviewRow

_MOST_CHARACTERS = 600
"""Of one turn: a preview is to recognise a row by."""
_MOST_TURNS = 6


class RowPreview(QFrame):
    """One row, with what is wrong with it."""

    def __init__(self, row: PreviewRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "answer")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addWidget(text_label(f"Example {row.number + 1}", "caption"))
        for turn in row.turns[:_MOST_TURNS]:
            said = QVBoxLayout()
            said.setSpacing(2)
            if turn.speaker:
                said.addWidget(text_label(turn.speaker, "subheading"))
            words = FlowText(_short(turn.text), "" if turn.is_learnt else "muted")
            words.setAccessibleName(turn.speaker)
            said.addWidget(words)
            column.addLayout(said)
        more = len(row.turns) - _MOST_TURNS
        if more > 0:
            column.addWidget(text_label(f"… and {more} more turns", "muted"))
        if row.problem:
            column.addWidget(text_label(row.problem, "error", wrap=True))
        elif not row.turns:
            column.addWidget(text_label("Nothing of it is used as yet.", "muted", wrap=True))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
