"""A line above a page that says what happened and offers the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from views.theme import current_theme
from views.widgets.buttons import IconButton, push_button
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from models.qt.notice import Notice

_NARROW = 400
"""Pixels, for text of the normal size."""


class NoticeBanner(QFrame):
    """Shows one notice until it is dismissed, withdrawn or replaced.

    Signals:
        action_requested: the action of the notice (a word).
    """

    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, name: str = "notice") -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self.setObjectName(name)
        self.notice: Notice | None = None
        self._icon = QLabel()
        self._title = text_label("", "heading", wrap=True)
        self._title.setObjectName(f"{name}.title")
        self._text = text_label("", wrap=True)
        self._text.setObjectName(f"{name}.text")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = push_button("", "primary")
        self._action.setObjectName(f"{name}.action")
        self._close = IconButton("close", "Dismiss")
        self._row = QHBoxLayout(self)
        self._words = QVBoxLayout()
        self._is_beneath = False
        self._build()
        self._action.clicked.connect(self._on_action)
        self._close.clicked.connect(self.dismiss)
        current_theme().changed.connect(self._on_theme_changed)
        self.hide()

    @Slot(object)
    def show_notice(self, notice: Notice) -> None:
        """Show this notice instead of what is there."""
        self.notice = notice
        self._title.setText(notice.title)
        self._text.setText(notice.text)
        self._text.setVisible(bool(notice.text))
        self._text.setToolTip(notice.details)
        self._action.setText(notice.action_label)
        self._action.setVisible(bool(notice.action))
        restyle(self, "tone", notice.tone)
        self._on_theme_changed()
        self.setAccessibleName(f"{notice.title} {notice.text}")
        self.show()

    @Slot(str)
    def withdraw(self, topic: str) -> None:
        """Take away the notice of a topic that no longer stands."""
        if self.notice is not None and self.notice.topic == topic:
            self.dismiss()

    @Slot()
    def dismiss(self) -> None:
        """Take the notice away."""
        self.notice = None
        self.hide()

    def _build(self) -> None:
        self._words.setSpacing(2)
        self._words.addWidget(self._title)
        self._words.addWidget(self._text)
        self._row.setContentsMargins(14, 10, 10, 10)
        self._row.setSpacing(12)
        self._row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(self._words, 1)
        self._row.addWidget(self._action, 0, Qt.AlignmentFlag.AlignVCenter)
        self._row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)

    def _fit(self) -> None:
        """The button stands beneath the words where it would leave them too little room."""
        beneath = self.width() < _NARROW * current_theme().scale
        if beneath is self._is_beneath:
            return
        self._is_beneath = beneath
        (self._row if beneath else self._words).removeWidget(self._action)
        if beneath:
            self._words.addWidget(self._action, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            self._row.insertWidget(2, self._action, 0, Qt.AlignmentFlag.AlignVCenter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @Slot()
    def _on_action(self) -> None:
        action = self.notice.action if self.notice else ""
        self.dismiss()
        if action:
            self.action_requested.emit(action)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._fit()
        if self.notice is None:
            return
        theme = current_theme()
        tone = self.notice.tone
        color = theme.tokens.accent_text if tone == "info" else getattr(theme.tokens, tone)
        self._icon.setFixedSize(theme.icon_size())
        self._icon.setPixmap(theme.icon(tone, color).pixmap(theme.icon_size()))
