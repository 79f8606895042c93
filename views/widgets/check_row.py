"""One thing that the doctor looked at: how it is, why it matters, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.domain.doctor import REMEDIES, CheckState
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from models.domain.doctor import Check

_NAME_WIDTH = 138
"""Pixels for the names at text of the normal size; the two longest take two lines."""
_NARROW = 400
_ICONS = {
    CheckState.OK: ("good", "good"),
    CheckState.NOTE: ("warning", "warning"),
    CheckState.FAIL: ("bad", "bad"),
    CheckState.WAITING: ("refresh", "muted"),
}
"""By state: the icon, whose shape alone tells, and the token of its colour."""
_WORDS = {
    CheckState.OK: "in order", CheckState.NOTE: "a note", CheckState.FAIL: "a problem",
    CheckState.WAITING: "being looked at",
}  # fmt: skip
_KEYS = {
    Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Home: -1000, Qt.Key.Key_End: 1000,
}  # fmt: skip


class CheckRow(QFrame):
    """Takes the focus as a row of a list does: the arrow keys go from one to the next.

    Signals:
        moved: by how many rows the focus shall go.
        remedy_requested: what the program can do about it, a key of REMEDIES.
    """

    moved = Signal(int)
    remedy_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "check")
        self.check: Check | None = None
        self._icon = QLabel()
        self._name = text_label("", "subheading", wrap=True)
        self._message = text_label("", wrap=True)
        self._meaning = text_label("", "muted", wrap=True)
        self._step = text_label("", wrap=True)
        self._step.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._remedy = push_button("")
        self._line = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._build()
        self._remedy.clicked.connect(self._on_remedy)
        current_theme().changed.connect(self._on_theme_changed)

    def show_check(self, check: Check) -> None:
        """Show another check, or how this one is now."""
        if check == self.check:
            return
        self.check = check
        name = f"doctor.{check.name.lower().replace(' ', '_')}"
        self.setObjectName(name)
        self._remedy.setObjectName(f"{name}.remedy")
        words = f"{check.name}, {_WORDS[check.state]}: {check.message}"
        step = check.next_step if check.wants_attention else ""
        self.setAccessibleName(words)
        self.setAccessibleDescription(f"{check.meaning} {step}".strip())
        self._name.setText(check.name)
        self._message.setText(check.message)
        _show_text(self._meaning, check.meaning)
        _show_text(self._step, f"Next: {step}" if step else "")
        label = REMEDIES.get(check.remedy, "") if step else ""
        self._remedy.setText(label)
        self._remedy.setAccessibleName(f"{label}: {check.name}" if label else "")
        self._remedy.setVisible(bool(label))
        restyle(self._message, "role", "muted" if check.state is CheckState.WAITING else "")
        self._show_icon()

    def _build(self) -> None:
        text = QVBoxLayout()
        text.setSpacing(2)
        for label in (self._message, self._meaning, self._step):
            text.addWidget(label)
        text.addWidget(self._remedy, 0, Qt.AlignmentFlag.AlignLeft)
        text.addStretch(1)
        self._line.setSpacing(8)
        self._line.addWidget(self._name, 0, Qt.AlignmentFlag.AlignTop)
        self._line.addLayout(text, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 4)
        row.setSpacing(8)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._line, 1)
        self._fit()

    def _fit(self) -> None:
        """The name beside the text, or over it where there is little room."""
        scale = current_theme().scale
        is_narrow = self.width() < _NARROW * scale
        direction = QBoxLayout.Direction
        self._line.setDirection(direction.TopToBottom if is_narrow else direction.LeftToRight)
        self._name.setMinimumWidth(0 if is_narrow else round(_NAME_WIDTH * scale))
        self._name.setMaximumWidth(16_777_215 if is_narrow else round(_NAME_WIDTH * scale))

    def _show_icon(self) -> None:
        theme = current_theme()
        if self.check is None or not theme.is_started:
            return
        icon, token = _ICONS[self.check.state]
        size = theme.icon_size(-3)
        self._icon.setPixmap(theme.icon(icon, getattr(theme.tokens, token)).pixmap(size))
        self._icon.setFixedSize(size)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._show_icon()
        self._fit()

    @Slot()
    def _on_remedy(self) -> None:
        if self.check is not None:
            self.remedy_requested.emit(self.check.remedy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _KEYS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)


def _show_text(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
