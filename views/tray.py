"""The program's icon in the desktop's tray while a training runs, and its notifications."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from views.theme import current_theme

_SHOWN_MS = 15_000


class TrayPort(Protocol):
    """What the program asks of a tray; a test has a small one of its own."""

    open_requested: SignalInstance
    stop_requested: SignalInstance
    quit_requested: SignalInstance
    message_clicked: SignalInstance

    def show_state(self, words: str, *, can_stop: bool) -> None:
        """Show the icon with these words."""

    def notify(self, title: str, text: str, *, is_bad: bool) -> None:
        """Tell something, wherever the user looks."""

    def hide(self) -> None:
        """Take the icon away."""


class Tray(QObject):
    """The desktop's own tray; shows nothing where the desktop has none.

    Signals:
        open_requested: bring the window to the front.
        stop_requested: stop the training.
        quit_requested: close the window.
        message_clicked: the last notification was clicked.
    """

    open_requested = Signal()
    stop_requested = Signal()
    quit_requested = Signal()
    message_clicked = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._icon: QSystemTrayIcon | None = None

    @Slot(str, bool)
    def show_state(self, words: str, *, can_stop: bool) -> None:
        """Show the icon with these words."""
        icon = self._made()
        if icon is None:
            return
        icon.setToolTip(words)
        self._stop.setEnabled(can_stop)
        if not icon.isVisible():
            icon.show()

    def notify(self, title: str, text: str, *, is_bad: bool) -> None:
        """Tell something; the icon is shown for it, since some desktops need it."""
        icon = self._made()
        if icon is None or not QSystemTrayIcon.supportsMessages():
            return
        icon.show()
        kind = QSystemTrayIcon.MessageIcon
        icon.showMessage(title, text, kind.Warning if is_bad else kind.Information, _SHOWN_MS)

    def hide(self) -> None:
        """Take the icon away."""
        if self._icon is not None:
            self._icon.hide()

    def _made(self) -> QSystemTrayIcon | None:
        """The icon, made when it is first wanted: a desktop's tray may come later than we."""
        if self._icon is None and QSystemTrayIcon.isSystemTrayAvailable():
            self._icon = QSystemTrayIcon(current_theme().program_icon(), self)
            self._icon.setContextMenu(self._menu())
            self._icon.activated.connect(self._on_activated)
            self._icon.messageClicked.connect(self.message_clicked)
        return self._icon

    def _menu(self) -> QMenu:
        menu = QMenu(self._window)
        menu.addAction("&Open Temper").triggered.connect(self.open_requested)
        self._stop = menu.addAction("&Stop training…")
        self._stop.triggered.connect(self.stop_requested)
        menu.addSeparator()
        menu.addAction("&Quit").triggered.connect(self.quit_requested)
        return menu

    @Slot(QSystemTrayIcon.ActivationReason)
    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in {
            QSystemTrayIcon.ActivationReason.Trigger,
            QSystemTrayIcon.ActivationReason.DoubleClick,
        }:
            self.open_requested.emit()
