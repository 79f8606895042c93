"""A large button that explains itself: icon, what it does, and a sentence about it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from views.theme import current_theme
from views.widgets.card import text_label


class ChoiceButton(QPushButton):
    """One of a few ways to go on."""

    def __init__(self, icon: str, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self._icon = QLabel()
        self.setProperty("role", "choice")
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setAutoDefault(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(text_label(title, "heading"))
        self._text = text_label(text, "muted", wrap=True)
        words.addWidget(self._text)
        words.addStretch(1)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 14, 16, 14)
        self._row.setSpacing(14)
        self._row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(words, 1)
        for label in self.findChildren(QLabel):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        current_theme().changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def set_brief(self, brief: bool) -> None:
        """Show the sentence in a tooltip only, where there is little room."""
        self._text.setVisible(not brief)
        self.setToolTip(self._text.text() if brief else "")
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """The content's; a push button would take that of a text which it does not have."""
        return self._row.totalSizeHint()

    def minimumSizeHint(self) -> QSize:
        """How high it must be follows from its width."""
        return QSize(self._row.totalMinimumSize().width(), 2 * self.fontMetrics().height())

    @Slot()
    def _on_theme_changed(self) -> None:
        theme = current_theme()
        self._icon.setFixedSize(theme.icon_size(4))
        if theme.is_started:
            icon = theme.icon(self._icon_name, theme.tokens.accent_text)
            self._icon.setPixmap(icon.pixmap(theme.icon_size()))
