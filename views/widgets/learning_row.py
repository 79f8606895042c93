"""One row of a dataset as the model would read it, and the ways to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from models.qt.learning_model import Looking
from models.qt.learning_words import learnt_word, piece_words, row_words
from views.theme import current_theme
from views.widgets.buttons import IconButton, push_button
from views.widgets.card import restyle, text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.empty_state import EmptyState
from views.widgets.fields import StepLineEdit
from views.widgets.flow_row import FlowRow
from views.widgets.token_text import TokenText

if TYPE_CHECKING:
    from models.qt.learning_model import LearningModel, RowLook
    from views.widgets.token_text import Pointed

_PATIENCE_MS = 250
"""A row that comes sooner is never announced."""
_REST_MS = 250
"""A number being typed is gone to once the typing rests."""
_DIGITS = 3
_HINT = "Point at a token, or go from one to the next with the arrow keys."


class LearningRow(QWidget):
    """The text with its tokens marked; above it the row's number, beneath it the token's.

    Signals:
        row_requested: the number of a row, from 0 (payload).
        random_requested, trouble_requested: some other row; the next with a finding.
    """

    row_requested = Signal(object)
    random_requested = Signal()
    trouble_requested = Signal()

    def __init__(self, model: LearningModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.text = TokenText()
        self.number = StepLineEdit(is_whole=True)
        self._of = text_label("", "muted")
        self._previous = IconButton("back", "Previous row (Alt+Left)")
        self._next = IconButton("forward", "Next row (Alt+Right)")
        self._random = push_button("R&andom")
        self._trouble = push_button("Next &problem")
        self._learnt = text_label("learnt", "learnt")
        self._summary = text_label("", "subheading")
        self._notes = text_label("", wrap=True)
        self._token = ElidedLabel("muted")
        self._empty = EmptyState("")
        self._stack = QStackedLayout()
        self._patience = QTimer(self)
        self._rest = QTimer(self)
        self._name_parts()
        self._build()
        self._connect()
        self.show_row()

    def _name_parts(self) -> None:
        for name, part in (
            ("text", self.text), ("number", self.number), ("previous", self._previous),
            ("next", self._next), ("random", self._random), ("next_problem", self._trouble),
            ("summary", self._summary), ("notes", self._notes), ("token", self._token),
            ("empty", self._empty.sentence),
        ):  # fmt: skip
            part.setObjectName(f"learning.{name}")
        self.text.setAccessibleName("The row as the model reads it")
        self.number.setAccessibleName("Row")
        self.number.setToolTip("Go to a row by its number (Ctrl+G)")
        self._random.setToolTip("Show some other row (Ctrl+J)")
        self._trouble.setToolTip("Show the next row in which something was found (F3)")
        self._token.setAccessibleName("Token")
        for timer, pause in ((self._patience, _PATIENCE_MS), (self._rest, _REST_MS)):
            timer.setSingleShot(True)
            timer.setInterval(pause)

    def _build(self) -> None:
        tools = QWidget()
        line = FlowRow(tools, spacing=8)
        for part in (self._stepper(), self._random, self._trouble):
            line.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(tools)
        column.addWidget(self._notes)
        column.addLayout(self._stack, 1)
        for part in (self._empty, self.text):  # now: a stack of no widget shows them as windows
            self._stack.addWidget(part)
        column.addWidget(self._token)
        column.addWidget(self._foot())
        self._fit()

    def _stepper(self) -> QWidget:
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        label = QLabel("&Row")
        label.setBuddy(self.number)
        line.addWidget(label)
        line.addWidget(self._previous)
        line.addWidget(self.number)
        line.addWidget(self._next)
        line.addWidget(self._of)
        return holder

    def _foot(self) -> QWidget:
        """Which look means what, with the same shapes as in the text, and the row's numbers."""
        holder = QWidget()
        line = FlowRow(holder, spacing=6)
        line.addWidget(self._learnt)
        for role, words in (
            ("read", "only read"),
            ("control", "control token"),
            ("lost", "cut off"),
        ):
            line.addWidget(text_label(words, role))
        line.addWidget(self._summary)
        return holder

    def _connect(self) -> None:
        self._previous.clicked.connect(self.go_back)
        self._next.clicked.connect(self.go_forward)
        self._random.clicked.connect(self.random_requested)
        self._trouble.clicked.connect(self.trouble_requested)
        self.number.textEdited.connect(self._on_typed)
        self.number.returnPressed.connect(self._on_number)
        self._rest.timeout.connect(self._on_number)
        self._patience.timeout.connect(self._show_waiting)
        self.text.pointed.connect(self._on_pointed)
        self._model.subject_changed.connect(self.show_row)
        self._model.row_changed.connect(self.show_row)
        self._model.report_changed.connect(self._show_findings)
        current_theme().changed.connect(self._fit)

    @Slot()
    def show_row(self) -> None:
        """Show what the model holds now."""
        row, rows = self._model.row, self._model.rows
        self._of.setText(f"of {rows:,}")
        self._previous.setEnabled(row.number > 0)
        self._next.setEnabled(row.number + 1 < rows)
        self._random.setEnabled(rows > 1)
        if not (self.number.hasFocus() and self._rest.isActive()):
            self.number.setText(f"{row.number + 1}" if rows else "")
        self._fit()
        self._show_text(row)
        self._show_findings()

    @Slot()
    def go_back(self) -> None:
        """To the row before."""
        self._go(self._model.row.number - 1)

    @Slot()
    def go_forward(self) -> None:
        """To the row after."""
        self._go(self._model.row.number + 1)

    @Slot()
    def ask_number(self) -> None:
        """Put the caret where a row's number can be typed."""
        self.number.setFocus()
        self.number.selectAll()

    def _go(self, number: int) -> None:
        if 0 <= number < self._model.rows:
            self.row_requested.emit(number)

    def _show_text(self, row: RowLook) -> None:
        if row.state is Looking.BUSY:
            self._patience.start()
            return
        self._patience.stop()
        self._learnt.setText(learnt_word(row.texts))
        self._summary.setText(row_words(row.texts) if row.texts else "")
        self._summary.setVisible(bool(row.texts))
        if row.texts or row.raw:
            if row.texts:
                self.text.show_texts(row.texts)
            else:
                self.text.show_raw("As it stands in the dataset; nothing of it is learnt", row.raw)
            self.text.setEnabled(True)
            self._stack.setCurrentWidget(self.text)
        else:
            self._say(_why_empty(row, self._model.rows))

    @Slot()
    def _show_waiting(self) -> None:
        """A text of another row stays, but greyed, so that nothing flickers."""
        if self._stack.currentWidget() is self.text and self._model.row.texts:
            self.text.setEnabled(False)
        else:
            self._say("Reading the model's tokenizer, then the row…")

    def _say(self, words: str) -> None:
        self._token.setText("")
        self._empty.sentence.setText(words)
        self._stack.setCurrentWidget(self._empty)

    @Slot()
    def _show_findings(self) -> None:
        row = self._model.row
        found = self._model.findings_of(row.number)
        self._trouble.setEnabled(self._model.troubled_after(row.number) is not None)
        is_refused = bool(row.raw) and row.state is not Looking.BUSY  # else it is the row before
        words = [str(row.error)] if is_refused else [one.message for one in found]
        self._notes.setText("\n".join(words))
        self._notes.setVisible(bool(words))
        is_major = is_refused or any(one.severity == "major" for one in found)
        restyle(self._notes, "tone", "bad" if is_major else "warning")

    @Slot()
    def _fit(self) -> None:
        digits = max(_DIGITS, len(str(self._model.rows)))
        width = self.number.fontMetrics().horizontalAdvance("0") * digits
        self.number.setFixedWidth(width + round(28 * current_theme().scale))

    @Slot(object)
    def _on_pointed(self, pointed: Pointed | None) -> None:
        words = _HINT
        if pointed is not None:
            words = piece_words(pointed.piece, pointed.length, self._learnt.text())
        self._token.setText(words)

    @Slot(str)
    def _on_typed(self, _text: str) -> None:
        self._rest.start()

    @Slot()
    def _on_number(self) -> None:
        self._rest.stop()
        text = self.number.text().strip().replace(",", "")
        if text.isdecimal() and self._model.rows:
            self._go(min(max(1, int(text)), self._model.rows) - 1)
        else:
            self.show_row()


def _why_empty(row: RowLook, rows: int) -> str:
    if row.error is not None:
        return str(row.error)
    return "" if rows else "The dataset has no rows."
