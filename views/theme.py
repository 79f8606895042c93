"""The look of the program: Fusion, a palette and a style sheet in the theme's colours, and icons."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from views.stylesheet import DARK, LIGHT, Tokens, style_sheet

SYSTEM, LIGHT_MODE, DARK_MODE = "system", "light", "dark"
MODES = (SYSTEM, LIGHT_MODE, DARK_MODE)
ICON_SIZE = 20
_SMALLEST_FONT = 10.0
_SCHEMES = {LIGHT_MODE: Qt.ColorScheme.Light, DARK_MODE: Qt.ColorScheme.Dark}


class Theme(QObject):
    """The one theme of the running program.

    Signals:
        changed: colours are others now; whoever paints or holds icons takes them again.
    """

    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self.tokens = LIGHT
        self.mode = SYSTEM
        self._application = application
        self._icon_folder = Path()
        self._applied: Tokens | None = None

    def start(self, mode: str, icon_folder: Path) -> None:
        """Dress the program before its first window."""
        self._icon_folder = icon_folder
        self._application.setStyle("Fusion")
        font = self._application.font()
        if 0 < font.pointSizeF() < _SMALLEST_FONT:
            font.setPointSizeF(_SMALLEST_FONT)
            self._application.setFont(font)
        self.set_mode(mode)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    def set_mode(self, mode: str) -> None:
        """Switch to the light, the dark or the system's theme."""
        self.mode = mode if mode in MODES else SYSTEM
        hints = QGuiApplication.styleHints()
        if self.mode == SYSTEM:
            hints.unsetColorScheme()
        else:
            hints.setColorScheme(_SCHEMES[self.mode])
        self._apply()

    def icon(self, name: str, color: str = "") -> QIcon:
        """The icon ``name`` in a colour (or in that of quiet text)."""
        return QIcon(self._pixmap(name, color or self.tokens.muted))

    def program_icon(self) -> QIcon:
        """The program's own mark."""
        return QIcon(str(self._icon_folder / "temper.svg"))

    def _pixmap(self, name: str, color: str) -> QPixmap:
        ratio = self._application.devicePixelRatio()
        side = round(ICON_SIZE * ratio)
        svg = (self._icon_folder / f"{name}.svg").read_text("utf-8")
        svg = svg.replace("currentColor", color)
        svg = svg.replace('width="24" height="24"', f'width="{side}" height="{side}"', 1)
        pixmap = QPixmap()
        pixmap.loadFromData(svg.encode(), "SVG")
        pixmap.setDevicePixelRatio(ratio)
        return pixmap

    @Slot()
    def _on_system_changed(self) -> None:
        self._apply()

    def _apply(self) -> None:
        tokens = DARK if self._is_dark() else LIGHT
        if tokens is self._applied:
            return
        self.tokens = self._applied = tokens
        self._application.setPalette(palette(tokens))
        size = self._application.font().pointSizeF()
        self._application.setStyleSheet(
            style_sheet(tokens, self._icon_folder.as_posix(), size if size > 0 else _SMALLEST_FONT)
        )
        self.changed.emit()

    def _is_dark(self) -> bool:
        if self.mode != SYSTEM:
            return self.mode == DARK_MODE
        return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark



def current_theme() -> Theme:
    """The theme of the running program, made at first use."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise TypeError("there is no QApplication yet")
    theme = application.property("temper_theme")
    if not isinstance(theme, Theme):
        theme = Theme(application)
        application.setProperty("temper_theme", theme)
    return theme


def palette(tokens: Tokens) -> QPalette:
    """The theme's colours for everything that the style sheet does not name."""
    role = QPalette.ColorRole
    colors = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.field,
        role.AlternateBase: tokens.surface,
        role.Text: tokens.text,
        role.Button: tokens.surface,
        role.ButtonText: tokens.text,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Accent: tokens.accent,
        role.Link: tokens.accent_text,
        role.PlaceholderText: tokens.disabled,
        role.ToolTipBase: tokens.text,
        role.ToolTipText: tokens.window,
    }
    made = QPalette(QColor(tokens.surface), QColor(tokens.window))
    for name, color in colors.items():
        made.setColor(name, QColor(color))
    for name in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens.disabled))
    return made
