"""What was found in rows: how bad it is, what it is, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.qt.import_words import place_words
from models.qt.wording import counted
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.page_column import ScrollColumn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.data_report import Finding

_ICONS = {"major": ("bad", "bad", "Problem"), "minor": ("info", "accent_text", "To know")}
"""By severity: the icon, the token of its colour, and the word for those who cannot see it."""


class FindingRow(QFrame):
    """One finding. The text can be selected, so that a part of it can be copied."""

    def __init__(self, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name, self._token, word = _ICONS[finding.severity]
        self._icon = QLabel()
        message = text_label(finding.message, wrap=True)
        where = text_label(place_words(finding), "muted", wrap=True)
        where.setVisible(bool(where.text()))
        count = text_label(counted(finding.count, "row") if finding.rows else "", "muted")
        for label in (message, where):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAccessibleName(f"{word}: {finding.message} {where.text()}".strip())
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(message)
        words.addWidget(where)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(count, 0, Qt.AlignmentFlag.AlignTop)
        current_theme().changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    @Slot()
    def _on_theme_changed(self) -> None:
        theme = current_theme()
        if theme.is_started:
            size = theme.icon_size(-3)
            color = getattr(theme.tokens, self._token)
            self._icon.setFixedSize(size)
            self._icon.setPixmap(theme.icon(self._icon_name, color).pixmap(size))


class FindingList(QFrame):
    """All of them in a card that scrolls, also by the keys."""

    def __init__(self, name: str, findings: Iterable[Finding]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._scroll = ScrollColumn()
        self._scroll.setObjectName(name)
        self._scroll.setAccessibleName("What was found")
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._scroll.setProperty("role", "history")  # shows that it has the focus
        self._scroll.column.setContentsMargins(10, 8, 10, 8)
        for finding in findings:
            self._scroll.column.addWidget(FindingRow(finding))
        self._scroll.column.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self._scroll)
