"""A title with an arrow that shows and hides what is beneath it."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QSizePolicy

from views.theme import current_theme
from views.widgets.card import TEXT_BESIDE_ICON
from views.widgets.wrapped_button import WrappedToolButton


class FoldButton(WrappedToolButton):
    """Checked while its content is shown. A ``quiet`` one is smaller and paler than a title."""

    def __init__(
        self, name: str, title: str, *, is_open: bool = False, quiet: bool = False
    ) -> None:
        super().__init__(title)
        self._is_quiet = quiet
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{title}, show or hide")
        self.setProperty("role", "quiet-fold" if quiet else "fold")
        self.setProperty("toolButtonStyle", TEXT_BESIDE_ICON)
        self.setCheckable(True)
        self.setChecked(is_open)
        self.toggled.connect(self._show_arrow)
        current_theme().changed.connect(self._show_arrow)
        self._show_arrow()

    @Slot()
    def _show_arrow(self) -> None:
        theme = current_theme()
        self.setIconSize(theme.icon_size(-6 if self._is_quiet else -4))
        if theme.is_started:
            name = "fold-open" if self.isChecked() else "fold-closed"
            self.setIcon(theme.icon(name, "" if self._is_quiet else theme.tokens.text))
