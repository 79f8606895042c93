"""Buttons with the theme's icons, which follow a change of theme."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QAbstractButton, QPushButton, QToolButton, QWidget

from views.theme import current_theme
from views.widgets.card import ICON_ONLY, TEXT_UNDER_ICON


class IconButton(QToolButton):
    """A quiet button with an icon; its text is the tooltip and the accessible name."""

    def __init__(self, icon: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self.setToolTip(text)
        self.setAccessibleName(text)
        theme = current_theme()
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    @Slot()
    def _on_theme_changed(self) -> None:
        theme = current_theme()
        self.setIconSize(theme.icon_size(-2))
        if theme.is_started:
            self.setIcon(theme.icon(self._icon_name))


class NavButton(QToolButton):
    """One page of the rail: icon over text, checked while its page is shown."""

    def __init__(self, icon: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self.setText(text)
        self.setAccessibleName(text.replace("&", ""))
        self.setProperty("role", "nav")
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setProperty("toolButtonStyle", TEXT_UNDER_ICON)
        self.toggled.connect(self._on_toggled)
        current_theme().changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def set_compact(self, compact: bool) -> None:
        """Show the icon alone, for narrow windows."""
        scale = current_theme().scale
        if compact:
            self.setFixedSize(round(16 + 22 * scale), round(18 + 22 * scale))
        else:
            self.setFixedSize(round(76 * scale), round(42 + 20 * scale))
        self.setProperty("toolButtonStyle", ICON_ONLY if compact else TEXT_UNDER_ICON)
        self.setToolTip(self.accessibleName() if compact else "")

    @Slot(bool)
    def _on_toggled(self, _checked: bool) -> None:
        self._on_theme_changed()

    @Slot()
    def _on_theme_changed(self) -> None:
        theme = current_theme()
        self.setIconSize(theme.icon_size(2))
        if not theme.is_started:
            return
        color = theme.tokens.accent_text if self.isChecked() else theme.tokens.muted
        self.setIcon(theme.icon(self._icon_name, color))


def enable(button: QAbstractButton, reason: str, tip: str) -> None:
    """Switch a button off where there is a ``reason``, and say that instead of what it does; also
    to those who hear it."""
    button.setEnabled(not reason)
    button.setToolTip(reason or tip)
    button.setAccessibleDescription(reason)


def push_button(text: str, role: str = "") -> QPushButton:
    """A push button in one of the theme's roles (primary, link)."""
    button = QPushButton(text)
    button.setAutoDefault(False)
    if role:
        button.setProperty("role", role)
    return button
