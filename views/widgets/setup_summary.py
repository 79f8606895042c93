"""A setup as a few lines to read, in place of the form."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from models.qt.setup_words import describe_setup
from views.widgets.card import text_label

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.qt.setup_words import Row

_BREAKABLE = re.compile(r"([/_.-])(?=\w)")
"""Where paths and repo ids may go on in the next line; a zero-width space follows there."""


class SetupSummary(QWidget):
    """Rows of label and words; what is not the default is in bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("config.summary")
        self.setAccessibleName("The setup in words")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(1, 1)
        self._labels: list[QLabel] = []
        self._values: list[QLabel] = []

    def show_config(self, config: TrainingConfig) -> None:
        """Say what this setup does."""
        rows = describe_setup(config)
        while len(self._labels) < len(rows):
            self._add_row()
        for place, (label, value) in enumerate(zip(self._labels, self._values, strict=True)):
            shown = place < len(rows)
            label.setVisible(shown)
            value.setVisible(shown)
            if shown:
                label.setText(rows[place].label)
                value.setText(_html(rows[place]))
                value.setAccessibleName(f"{rows[place].label}: {rows[place].text}")

    @property
    def text(self) -> str:
        """All that is shown, a line for each row."""
        pairs = zip(self._labels, self._values, strict=True)
        return "\n".join(value.accessibleName() for label, value in pairs if not label.isHidden())

    def _add_row(self) -> None:
        place = len(self._labels)
        label, value = text_label("", "muted"), QLabel()
        for one in (label, value):  # both, or their lines would not stand at the same height
            one.setTextFormat(Qt.TextFormat.RichText)
        value.setWordWrap(True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._grid.addWidget(label, place, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(value, place, 1, Qt.AlignmentFlag.AlignTop)
        self._labels.append(label)
        self._values.append(value)


def _html(row: Row) -> str:
    parts = []
    for part in row.parts:
        text = escape(_BREAKABLE.sub("\\1\u200b", part.text))
        parts.append(f"<b>{text}</b>" if part.stands_out else text)
    return " · ".join(parts)
