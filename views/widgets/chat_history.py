"""Prompts and answers as cards, newest last, growing while an answer streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from models.qt.inference_model import TUNED
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState

if TYPE_CHECKING:
    from models.qt.inference_model import Exchange, InferenceModel

_TITLES = {TUNED: "Fine-tuned"}
_WAITING = "…"


class ChatHistory(QScrollArea):
    """A scrolling list of exchanges, with a sentence while there is none."""

    def __init__(self, name: str, model: InferenceModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Prompts and responses")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(150)
        self._cards: dict[int, ExchangeCard] = {}
        self._empty = EmptyState("No responses yet. Run a prompt to see what the model learned.")
        content = QWidget()
        content.setObjectName("column")
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 6, 0)
        self._column.setSpacing(10)
        self._column.addWidget(self._empty, 1)
        self._column.addStretch(0)
        self.setWidget(content)
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.setInterval(0)
        self._scroll.timeout.connect(self._to_end)
        for exchange in model.exchanges:
            self._on_added(exchange)
        model.added.connect(self._on_added)
        model.updated.connect(self._on_updated)
        model.cleared.connect(self._on_cleared)

    @Slot(object)
    def _on_added(self, exchange: Exchange) -> None:
        card = ExchangeCard(exchange)
        self._cards[exchange.number] = card
        self._empty.hide()
        self._column.insertWidget(self._column.count() - 1, card)
        self._column.setStretch(self._column.count() - 1, 1)
        self._scroll.start()

    @Slot(object)
    def _on_updated(self, exchange: Exchange) -> None:
        card = self._cards.get(exchange.number)
        if card is None:
            return
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        card.show_exchange(exchange)
        if at_end:
            self._scroll.start()

    @Slot()
    def _on_cleared(self) -> None:
        for card in self._cards.values():
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards.clear()
        self._column.setStretch(self._column.count() - 1, 0)
        self._empty.show()

    @Slot()
    def _to_end(self) -> None:
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())


class ExchangeCard(QFrame):
    """One prompt with one or two answers side by side."""

    def __init__(self, exchange: Exchange, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "answer")
        self._texts: dict[str, QLabel] = {}
        self._notes: dict[str, QLabel] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        prompt = _words(exchange.request.prompt, "heading")
        column.addWidget(prompt)
        row = QHBoxLayout()
        row.setSpacing(16)
        for use in exchange.uses:
            row.addLayout(self._answer(use), 1)
        column.addLayout(row)
        if exchange.request.expected:
            column.addWidget(_words(f"Expected: {exchange.request.expected}", "muted"))
        self.show_exchange(exchange)

    def show_exchange(self, exchange: Exchange) -> None:
        """Show the answers as far as they have come."""
        for use in exchange.uses:
            text = exchange.texts.get(use, "")
            empty = "(no answer)" if exchange.is_over else _WAITING
            self._texts[use].setText(text or empty)
            answer = exchange.answers.get(use)
            title = _TITLES.get(use, "Base model")
            if answer is not None:
                speed = f"{answer.tokens} tokens in {answer.seconds:.1f} s"
                cut = {"length": " · cut at the limit", "cancelled": " · cancelled"}
                title = f"{title} · {speed}{cut.get(answer.finish, '')}"
            self._notes[use].setText(title)

    def _answer(self, use: str) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(3)
        self._notes[use] = text_label("", "muted", wrap=True)
        self._texts[use] = _words("")
        column.addWidget(self._notes[use])
        column.addWidget(self._texts[use])
        column.addStretch(1)
        return column


def _words(text: str, role: str = "") -> QLabel:
    label = text_label(text, role, wrap=True)
    flags = Qt.TextInteractionFlag
    label.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    return label
