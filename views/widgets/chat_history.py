"""Prompts and answers as cards, newest last, growing while an answer streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from views.widgets.empty_state import EmptyState
from views.widgets.exchange_card import ExchangeCard

if TYPE_CHECKING:
    from models.domain.inference import Exchange
    from models.qt.inference_model import InferenceModel

EMPTY = "No responses yet. Run a prompt to see what the model learned."
_NEAR_END = 8
_LEAST_LINES = 15


class ChatHistory(QScrollArea):
    """A scrolling list of exchanges, with a sentence while there is none.

    It follows what is written as long as its end is in sight.
    """

    def __init__(self, name: str, model: InferenceModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Prompts and responses")
        self.setToolTip("The arrow and page keys scroll it while it has the focus.")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("role", "history")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * _LEAST_LINES)
        self._cards: dict[int, ExchangeCard] = {}
        self._empty = EmptyState(EMPTY)
        content = QWidget()
        content.setObjectName("column")
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(2, 2, 8, 2)
        self._column.setSpacing(10)
        self._column.addWidget(self._empty, 1)
        self._column.addStretch(0)
        self.setWidget(content)
        self._follows = True
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_grown)
        bar.valueChanged.connect(self._on_scrolled)
        self._to_end = QTimer(self)
        self._to_end.setSingleShot(True)
        self._to_end.timeout.connect(self._on_grown)
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
        self._follows = True
        self._to_end.start(0)

    @Slot(object)
    def _on_updated(self, exchange: Exchange) -> None:
        card = self._cards.get(exchange.number)
        if card is not None:
            card.show_exchange(exchange)

    @Slot()
    def _on_cleared(self) -> None:
        for card in self._cards.values():
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards.clear()
        self._column.setStretch(self._column.count() - 1, 0)
        self._empty.show()

    @Slot()
    def _on_grown(self) -> None:
        if self._follows:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    @Slot(int)
    def _on_scrolled(self, value: int) -> None:
        """The user scrolled up to read, or back to the end; growing alone moves nothing."""
        self._follows = value >= self.verticalScrollBar().maximum() - _NEAR_END
