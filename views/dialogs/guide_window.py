"""The guide in a window of its own, beside the program: contents, search, back and forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from models.domain.guide import INDEX, Guide, Place
from models.qt.place_history import PlaceHistory
from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.card import text_label
from views.widgets.guide_contents import GuideContents
from views.widgets.guide_text import GuideText

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QShowEvent

_SIZE = QSize(980, 700)
_LEFT = 250
_USUAL_POINTS = 10.0
_WEB = ("http://", "https://")


class GuideWindow(QWidget):
    """Not modal: it stays open while the program is used, and may lie behind it.

    Signals:
        link_activated: the address of a link that leads out of the guide.
    """

    link_activated = Signal(str)

    def __init__(self, guide: Guide, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("guide")
        self.setWindowTitle("Temper guide")
        self._guide = guide
        self._folder = QUrl.fromLocalFile(f"{folder}/")
        self.history = PlaceHistory(self)
        self.contents = GuideContents(guide)
        self.text = GuideText()
        self._back = IconButton("back", "Back (Alt+Left)")
        self._back.setObjectName("guide.back")
        self._forward = IconButton("forward", "Forward (Alt+Right)")
        self._forward.setObjectName("guide.forward")
        self._message = text_label("", "muted", wrap=True)
        self._message.setObjectName("guide.message")
        self._build()
        self._connect()
        self._on_history()

    def show_topic(self, topic: str) -> None:
        """Open the guide at a setting, a control, a page or ``page#anchor``; at its start else."""
        self._go(self._guide.near(topic) or Place(INDEX))
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.activateWindow()
        self.text.setFocus()

    def say(self, text: str) -> None:
        """Say something at the window's foot, until the reader goes on."""
        self._message.setText(text)
        self._message.setVisible(bool(text))

    def _build(self) -> None:
        for place, button in enumerate((self._back, self._forward)):
            self.contents.tools.insertWidget(place, button)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.text, 1)
        column.addWidget(self._message)
        self._message.hide()
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setChildrenCollapsible(False)
        parts.setHandleWidth(14)
        parts.addWidget(self.contents)
        parts.addWidget(right)
        parts.setStretchFactor(1, 1)
        left = round(_LEFT * self._scale())
        parts.setSizes([left, self._first_size().width() - left])
        outer = QHBoxLayout(self)
        outer.setContentsMargins(14, 14, 14, 14)
        outer.addWidget(parts)
        self.setMinimumSize(480, 320)
        self.resize(self._first_size())

    def _scale(self) -> float:
        """How much larger than usual the text is."""
        return min(2.0, max(1.0, self.fontInfo().pointSizeF() / _USUAL_POINTS))

    def _first_size(self) -> QSize:
        wanted = _SIZE * self._scale()
        if QGuiApplication.platformName() == "offscreen":  # its screen is 800 x 800
            return wanted.boundedTo(QSize(1280, 800))
        return wanted.boundedTo(self.screen().availableSize())

    def _connect(self) -> None:
        self.contents.place_chosen.connect(self._on_place)
        self.contents.words_changed.connect(self.text.mark_words)
        self.text.anchorClicked.connect(self._on_link)
        self._back.clicked.connect(self._on_back)
        self._forward.clicked.connect(self._on_forward)
        self.history.changed.connect(self._on_history)
        current_theme().changed.connect(self._on_theme_changed)
        for keys, slot in (
            (QKeySequence("Alt+Left"), self._on_back),
            (QKeySequence("Alt+Right"), self._on_forward),
            (QKeySequence("Ctrl+F"), self._on_find),
            (QKeySequence("Escape"), self._on_escape),
            (QKeySequence("Ctrl+W"), self.close),
        ):
            QShortcut(keys, self).activated.connect(slot)

    def _go(self, place: Place) -> None:
        self.history.go(place)
        self._show(place)

    def _show(self, place: Place) -> None:
        page = self._guide.page(place.page)
        if page is None:
            return
        self.say("")
        self.setWindowTitle(f"{page.title} — Temper guide")
        self.text.show_page(page, self._folder)
        self.text.go_to(place.anchor)
        self.contents.show_place(place)

    @Slot(object)
    def _on_place(self, place: Place) -> None:
        self._go(place)

    @Slot(QUrl)
    def _on_link(self, url: QUrl) -> None:
        address = url.toString()
        now = self.history.place
        if address.startswith(_WEB):
            self.link_activated.emit(address)
        elif now is not None:
            place = self._guide.follow(address, now.page)
            if place is not None:
                self._go(place)

    @Slot()
    def _on_back(self) -> None:
        self._show_if(self.history.back())

    @Slot()
    def _on_forward(self) -> None:
        self._show_if(self.history.forward())

    def _show_if(self, place: Place | None) -> None:
        if place is not None:
            self._show(place)

    @Slot()
    def _on_history(self) -> None:
        self._back.setEnabled(self.history.can_go_back)
        self._forward.setEnabled(self.history.can_go_forward)

    @Slot()
    def _on_find(self) -> None:
        self.contents.search.setFocus()
        self.contents.search.selectAll()

    @Slot()
    def _on_escape(self) -> None:
        if self.contents.search.text():
            self.contents.clear_search()
        else:
            self.close()

    @Slot()
    def _on_theme_changed(self) -> None:
        """The same place in other colours or sizes, scrolled as far as before."""
        place = self.history.place
        if place is None or not self.isVisible():
            return
        bar = self.text.verticalScrollBar()
        share = bar.value() / max(1, bar.maximum())
        self._show(place)
        bar.setValue(round(share * bar.maximum()))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # A child window of the main one would always lie in front of it.
        handle = self.windowHandle()
        if handle is not None:
            handle.setTransientParent(None)  # type: ignore[arg-type]
