"""The look of the program: Fusion, a palette and a style sheet in a theme's colours, icons."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSize, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from views.stylesheet import DARK, LIGHT, Tokens, style_sheet

SYSTEM, LIGHT_MODE, DARK_MODE = "system", "light", "dark"
MODES = (SYSTEM, LIGHT_MODE, DARK_MODE)
ICON_SIZE = 20
_SMALLEST_FONT = 10.0


class Theme(QObject):
    """The one theme of the running program.

    Signals:
        sheet_changed: the style sheet (payload) of these colours and sizes, for dressed windows.
        changed: colours are others now; whoever paints or holds icons takes them again.
    """

    sheet_changed = Signal(str)
    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self.tokens = LIGHT
        self.mode = SYSTEM
        self._application = application
        self._icon_folder = Path()
        self._applied: Tokens | None = None
        self._sheet = ""
        self._raise_small_font()
        self._full_size = application.font().pointSizeF()
        self.text_size = 100

    def prepare(self, mode: str) -> None:
        """Take the colours of a mode, before there is a widget that would have to follow."""
        self.mode = mode if mode in MODES else SYSTEM
        dark = self.mode == DARK_MODE or (self.mode == SYSTEM and self._looks_dark())
        self.tokens = DARK if dark else LIGHT
        self._application.setPalette(palette(self.tokens))

    def set_text_size(self, percent: int) -> None:
        """Make all text that much of the user's own size; 100 is as the system has it."""
        if percent == self.text_size:
            return
        self.text_size = percent
        font = self._application.font()
        font.setPointSizeF(self._full_size * percent / 100)
        self._application.setFont(font)
        if self.is_started:
            self._dress()

    def start(self, icon_folder: Path) -> None:
        """Make the style sheet, and dress the windows there are. Once they are built, not before:
        what is put into a dressed window is dressed there and then.
        """
        self._icon_folder = icon_folder
        self._dress()

    def dress(self, window: QWidget) -> None:
        """Give a window the style sheet, now and when it changes, and so all windows, menus and
        tips whose parent is in it. A window without such a parent must be dressed itself.

        Not the application: with a sheet of its own, each widget that is put into another one is
        dressed anew with all it holds, even before it is in a window (measured: the pages take
        twice the time to build).
        """
        window.setStyleSheet(self._sheet)
        self.sheet_changed.connect(window.setStyleSheet)

    def follow_system(self) -> None:
        """Tell the system which theme is wanted, and listen to its changes; after the start."""
        self._ask_scheme()
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    def set_mode(self, mode: str) -> None:
        """Switch to the light, the dark or the system's theme."""
        self.mode = mode if mode in MODES else SYSTEM
        self._ask_scheme()
        self._on_system_changed()

    @property
    def scale(self) -> float:
        """By how much lengths that follow the text are longer than at its normal size."""
        return self.text_size / 100

    def icon_size(self, more: int = 0) -> QSize:
        """How large icons are beside text of this size; ``more`` pixels at its normal size."""
        side = round((ICON_SIZE + more) * self.scale)
        return QSize(side, side)

    @property
    def is_started(self) -> bool:
        """Whether colours and icons can be had."""
        return self._applied is not None

    def icon(self, name: str, color: str = "") -> QIcon:
        """The icon ``name`` in a colour (or in that of quiet text)."""
        return QIcon(self._pixmap(name, color or self.tokens.muted))

    def program_icon(self) -> QIcon:
        """The program's own mark."""
        return QIcon(str(self._icon_folder / "temper.svg"))

    def _pixmap(self, name: str, color: str) -> QPixmap:
        ratio = self._application.devicePixelRatio()
        side = round(ICON_SIZE * self.scale * ratio)
        svg = (self._icon_folder / f"{name}.svg").read_text("utf-8")
        svg = svg.replace("currentColor", color)
        svg = svg.replace('width="24" height="24"', f'width="{side}" height="{side}"', 1)
        pixmap = QPixmap()
        pixmap.loadFromData(svg.encode(), "SVG")
        pixmap.setDevicePixelRatio(ratio)
        return pixmap

    @Slot()
    def _on_system_changed(self) -> None:
        wants_dark = {DARK_MODE: True, LIGHT_MODE: False}
        scheme = QGuiApplication.styleHints().colorScheme().name
        self._apply(DARK if wants_dark.get(self.mode, scheme == "Dark") else LIGHT)

    def _apply(self, tokens: Tokens) -> None:
        if tokens is self._applied:
            return
        self.tokens = tokens
        self._application.setPalette(palette(tokens))
        self._dress()

    def _dress(self) -> None:
        self._applied = tokens = self.tokens
        size = self._application.font().pointSizeF()
        self._sheet = style_sheet(
            tokens, self._icon_folder.as_posix(), size if size > 0 else _SMALLEST_FONT
        )
        self.sheet_changed.emit(self._sheet)
        self.changed.emit()

    def _raise_small_font(self) -> None:
        # Without a desktop's settings Qt takes 9 points, which is small for a page to work on.
        font = self._application.font()
        if 0 < font.pointSizeF() < _SMALLEST_FONT:
            font.setPointSizeF(_SMALLEST_FONT)
            self._application.setFont(font)

    def _ask_scheme(self) -> None:
        from PySide6.QtCore import Qt  # see card.PLAIN_TEXT

        hints = QGuiApplication.styleHints()
        if self.mode == SYSTEM:
            hints.unsetColorScheme()
        else:
            scheme = Qt.ColorScheme.Dark if self.mode == DARK_MODE else Qt.ColorScheme.Light
            hints.setColorScheme(scheme)

    def _looks_dark(self) -> bool:
        # What the system gives us before we set our own; asking for its scheme costs 16 ms.
        given = self._application.palette()
        window = given.color(QPalette.ColorRole.Window)
        text = given.color(QPalette.ColorRole.WindowText)
        return window.lightness() < text.lightness()


_theme: Theme | None = None


def current_theme() -> Theme:
    """The theme of the running program, made at first use."""
    global _theme
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise TypeError("there is no QApplication yet")
    if _theme is None or _theme.parent() is not application:
        _theme = Theme(application)
    return _theme


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
        role.PlaceholderText: tokens.placeholder,
        role.ToolTipBase: tokens.text,
        role.ToolTipText: tokens.window,
    }
    made = QPalette(QColor(tokens.surface), QColor(tokens.window))
    for name, color in colors.items():
        made.setColor(name, QColor(color))
    for name in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens.disabled))
    return made
