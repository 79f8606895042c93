"""The welcome at the first start: three ways to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.choice_button import ChoiceButton

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

_WIDTH, _LETTERS = 540, 62
_SENTENCE = "Fine-tune a language model on your own data, on your own computer, and try it at once."
_DEMO = (
    "A small real model learns from a sample on this computer, then you ask it something. About "
    "six minutes. The first time it downloads 0.4 GB, with an NVIDIA GPU several."
)
_DEMO_OFFLINE = (
    "A small real model learns from a sample on this computer. Offline mode is on: it works if "
    "everything that it needs was downloaded before."
)
_IMPORT = "Begin with a file of questions and answers, chats or text: JSON, CSV, Parquet and more."
_GUIDE = (
    "What to choose and why, from the first training to every setting. F1 opens it at any time."
)


class WelcomeDialog(QDialog):
    """Closing it, however, is an answer: it does not come back by itself.

    Signals:
        demo_requested, import_requested, guide_requested: what was chosen.
    """

    demo_requested = Signal()
    import_requested = Signal()
    guide_requested = Signal()

    def __init__(self, *, offline: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Welcome to Temper")
        self.demo = ChoiceButton("play", "Try the demo", _DEMO_OFFLINE if offline else _DEMO)
        self.demo.setObjectName("welcome.demo")
        self.import_data = ChoiceButton("import", "Import data", _IMPORT)
        self.import_data.setObjectName("welcome.import")
        self.guide = ChoiceButton("guide", "Open the guide", _GUIDE)
        self.guide.setObjectName("welcome.guide")
        self._later = push_button("Not now")
        self._later.setObjectName("welcome.later")
        self._build()
        self.demo.clicked.connect(self._on_demo)
        self.import_data.clicked.connect(self._on_import)
        self.guide.clicked.connect(self._on_guide)
        self._later.clicked.connect(self.reject)
        self.demo.setDefault(True)
        self.demo.setFocus()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 18)
        column.setSpacing(10)
        column.addLayout(self._head())
        column.addSpacing(8)
        for choice in (self.demo, self.import_data, self.guide):
            column.addWidget(choice)
        column.addSpacing(6)
        foot = QHBoxLayout()
        foot.addWidget(text_label("You can open this again under Help, Welcome.", "muted"), 1)
        foot.addWidget(self._later)
        column.addLayout(foot)
        self.setMinimumWidth(max(_WIDTH, _LETTERS * self.fontMetrics().averageCharWidth()))

    def _head(self) -> QHBoxLayout:
        mark = QLabel()
        mark.setPixmap(current_theme().program_icon().pixmap(QSize(52, 52)))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(text_label("Welcome to Temper", "title"))
        words.addWidget(text_label(_SENTENCE, "muted", wrap=True))
        words.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        return head

    @Slot()
    def _on_demo(self) -> None:
        self.accept()
        self.demo_requested.emit()

    @Slot()
    def _on_import(self) -> None:
        self.accept()
        self.import_requested.emit()

    @Slot()
    def _on_guide(self) -> None:
        self.accept()
        self.guide_requested.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """As high as the words are at this width; a layout's own hint reckons with more."""
        super().showEvent(event)
        layout = self.layout()
        if layout is None:
            return
        wanted = layout.totalHeightForWidth(self.width())
        if wanted > self.screen().availableSize().height():
            for choice in (self.demo, self.import_data, self.guide):
                choice.set_brief(True)
            wanted = layout.totalHeightForWidth(self.width())
        self.resize(self.width(), wanted)
