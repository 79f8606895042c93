"""A titled surface: the building block of every page."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

SPACING = 12
# Qt's own enumerations, as the numbers that properties take: the first use of the name Qt makes
# all of its 130 enumerations, which costs more than this page (measured: 16 ms, a sixth of Qt).
PLAIN_TEXT = 0
TEXT_UNDER_ICON = 3
TEXT_BESIDE_ICON = 2
ICON_ONLY = 0
STRONG_FOCUS = 11
NO_FOCUS = 0
SCROLL_BAR_OFF = 1
SCROLL_BAR_AS_NEEDED = 0


class Card(QFrame):
    """A rounded surface with a heading; content goes into ``body``, small tools into ``tools``."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 14, 16, 16)
        self.body.setSpacing(SPACING)
        self.tools = QHBoxLayout()
        self.tools.setSpacing(6)
        self.heading = text_label(title, "heading")
        if title:
            self.tools.addWidget(self.heading)
            self.tools.addStretch(1)
            self.body.addLayout(self.tools)


def text_label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A label in one of the theme's roles (title, heading, muted, error)."""
    label = QLabel(text)
    label.setProperty("textFormat", PLAIN_TEXT)
    label.setWordWrap(wrap)
    if role:
        label.setProperty("role", role)
    return label


def show_if(widget: QWidget, shown: bool) -> None:
    """Show or hide a widget that may have no parent as yet: shown then, it would be a window."""
    if not shown or widget.parentWidget() is not None:
        widget.setVisible(shown)


def restyle(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at, and let it look again."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
