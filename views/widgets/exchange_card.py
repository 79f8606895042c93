"""One prompt with its answers: the fine-tuned one, the base model's beside it, the expected one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.domain.inference import TUNED
from views.widgets.buttons import IconButton
from views.widgets.card import restyle, text_label
from views.widgets.flow_text import FlowText

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from models.domain.inference import Answer, Exchange

_TITLES = {TUNED: "Fine-tuned"}
_WAITING = "…"
_FINISH = {"length": "cut at the limit", "cancelled": "cancelled"}
SIDE_BY_SIDE = 460
"""Narrower than this (pixels), two answers stand one under the other."""


class ExchangeCard(QFrame):
    """One prompt with one or two answers side by side."""

    def __init__(self, exchange: Exchange, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "answer")
        self._answers = {use: AnswerView(_title(use)) for use in exchange.uses}
        self._error = text_label("", "", wrap=True)
        self._error.hide()
        restyle(self._error, "tone", "bad")
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(16)
        for view in self._answers.values():
            self._row.addWidget(view, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(10)
        column.addLayout(_titled("Prompt", FlowText(exchange.request.prompt)))
        column.addLayout(self._row)
        if exchange.request.expected:
            words = FlowText(exchange.request.expected, "muted")
            column.addLayout(_titled("Expected by the dataset", words))
        column.addWidget(self._error)
        self.show_exchange(exchange)

    def show_exchange(self, exchange: Exchange) -> None:
        """Show the answers as far as they have come."""
        for use, view in self._answers.items():
            view.show_answer(
                exchange.texts.get(use, ""), exchange.answers.get(use), is_over=exchange.is_over
            )
        self._error.setText(exchange.error)
        self._error.setVisible(bool(exchange.error))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        wide = event.size().width() >= SIDE_BY_SIDE
        self._row.setDirection(direction.LeftToRight if wide else direction.TopToBottom)


class AnswerView(QWidget):
    """An answer with its title, its numbers, and a button that copies it."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._text = ""
        self._note = _caption(title)
        self._copy = IconButton("copy", f"Copy the answer: {title.lower()}")
        policy = self._copy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing moves when the first word comes
        self._copy.setSizePolicy(policy)
        self._words = FlowText()
        self._words.setAccessibleName(f"Answer: {title.lower()}")
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._note, 1)
        head.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(head)
        column.addWidget(self._words)
        column.addStretch(1)
        self._copy.clicked.connect(self._on_copy)

    @property
    def shown(self) -> str:
        """The text that is shown."""
        return self._words.text()

    @property
    def note(self) -> str:
        """Whose answer it is, and its numbers."""
        return self._note.text()

    def show_answer(self, text: str, answer: Answer | None, *, is_over: bool) -> None:
        """Show what has come; ``answer`` once it is whole."""
        self._text = text
        self._words.set_text(text or ("(no answer)" if is_over else _WAITING))
        self._copy.setVisible(bool(text))
        if answer is not None:
            facts = [f"{answer.tokens} tokens", f"{answer.seconds:.1f} s"]
            facts += [_FINISH[answer.finish]] if answer.finish in _FINISH else []
            self._note.setText(" · ".join([self._title, *facts]))

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)


def _title(use: str) -> str:
    return _TITLES.get(use, "Base model")


def _caption(text: str) -> QLabel:
    return text_label(text, "caption", wrap=True)


def _titled(title: str, words: FlowText) -> QVBoxLayout:
    words.setAccessibleName(title)
    column = QVBoxLayout()
    column.setSpacing(3)
    column.addWidget(_caption(title))
    column.addWidget(words)
    return column
