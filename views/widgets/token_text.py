"""The text of a row as the model reads it, with what it learns marked token by token."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from models.domain.token_pieces import NEW_LINE, TokenPiece, cut_off, legible, pieces_of, visible
from models.qt.learning_words import learnt_word, text_title
from models.qt.wording import counted
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QKeyEvent, QMouseEvent

    from models.domain.data_report import TokenView

MOST_DRAWN = 16_000
"""Pieces of a row that are drawn: as many take a third of a second on a busy core."""
MOST_CUT_DRAWN = 4_000
"""Letters that are drawn of what the model does not see."""
_LINE_HEIGHT = 135.0
"""Per cent: underlines and tints of one line stay clear of the next."""
_LEARNT, _READ, _CONTROL, _LEARNT_CONTROL, _LOST, _NOTE = range(6)


@dataclass(frozen=True, slots=True)
class Pointed:
    """The piece under the caret or the pointer, and how many tokens its text has."""

    piece: TokenPiece
    length: int


class TokenText(QTextEdit):
    """Learnt tokens are underlined on a tint, the others are plain and quiet; the caret (arrow
    keys) and the pointer say which token they are on.

    Signals:
        pointed: a Pointed (payload), or None.
    """

    pointed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.viewport().setMouseTracking(True)
        self.setProperty("role", "tokens")
        self._texts: tuple[TokenView, ...] = ()
        self._title = self._raw = ""
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._pieces: list[Pointed] = []
        self._formats: dict[int, QTextCharFormat] = {}
        self._is_drawing = False
        self.cursorPositionChanged.connect(self._on_caret)
        current_theme().changed.connect(self._on_theme_changed)
        self._make_formats()

    def show_texts(self, texts: Sequence[TokenView]) -> None:
        """Show these texts of one row, one under the other."""
        if tuple(texts) != self._texts or self._raw:
            self._texts, self._raw = tuple(texts), ""
            self._draw()

    def show_raw(self, title: str, text: str) -> None:
        """Show a row of which the model sees nothing, under a title."""
        if (title, text) != (self._title, self._raw):
            self._texts, self._title, self._raw = (), title, text
            self._draw()

    @property
    def pieces(self) -> tuple[Pointed, ...]:
        """All tokens that are drawn, in order."""
        return tuple(self._pieces)

    @property
    def current(self) -> Pointed | None:
        """The token that the caret is on."""
        place = self._at(self.textCursor().position())
        return None if place is None else self._pieces[place]

    def go_to(self, place: int) -> None:
        """Put the caret on a token that is drawn, by its number among them."""
        cursor = self.textCursor()
        cursor.setPosition(self._starts[place])
        self.setTextCursor(cursor)

    def _draw(self) -> None:
        self._starts, self._ends, self._pieces = [], [], []
        self._is_drawing = True
        self.setUpdatesEnabled(False)
        self.clear()
        cursor = self.textCursor()
        cursor.beginEditBlock()
        cursor.setBlockFormat(_lines())
        for number, text in enumerate(self._texts):
            title = text_title(number, self._texts)
            if title:
                self._note(cursor, title)
            self._draw_text(cursor, text)
        if self._raw:
            self._note(cursor, self._title)
            cursor.insertText(_shortened(self._raw), self._formats[_READ])
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        if self._starts:
            self.go_to(0)
        self.setUpdatesEnabled(True)
        self._is_drawing = False
        self._on_caret()

    def _draw_text(self, cursor: QTextCursor, view: TokenView) -> None:
        room = max(0, MOST_DRAWN - len(self._pieces))
        more = len(view.pieces) - room
        run, kind, place = "", _READ, cursor.position()
        for piece in pieces_of(view, room):
            text, now = visible(piece.text), _kind(piece)
            if now != kind and run:
                cursor.insertText(run, self._formats[kind])
                run = ""
            run, kind = run + text, now
            self._starts.append(place)
            place += _units(text)
            self._ends.append(place)
            self._pieces.append(Pointed(piece, min(view.length, view.max_length)))
        cursor.insertText(run, self._formats[kind])
        if more > 0:
            self._note(cursor, f"{counted(more, 'more token')}, not drawn here")
        elif view.length > view.max_length:
            self._draw_cut(cursor, view)

    def _draw_cut(self, cursor: QTextCursor, view: TokenView) -> None:
        lost = view.length - view.max_length
        rest = cut_off(view)
        self._note(
            cursor,
            f"Cut here at {view.max_length:,} tokens: {counted(lost, 'token')} "
            f"{'is' if lost == 1 else 'are'} not learnt",
            tone="warning",
        )
        cursor.insertText(visible(_shortened(rest)), self._formats[_LOST])

    def _note(self, cursor: QTextCursor, words: str, tone: str = "") -> None:
        """A line of ours between the model's."""
        tokens = current_theme().tokens
        block = _lines()
        block.setBackground(QColor(tokens.warning_soft if tone else tokens.hover))
        margin = self.fontMetrics().height() / 3
        block.setTopMargin(margin if cursor.position() else 0)
        block.setBottomMargin(margin)
        letters = QTextCharFormat(self._formats[_NOTE])
        letters.setForeground(QColor(tokens.warning if tone else tokens.muted))
        if cursor.block().length() > 1:
            cursor.insertBlock(block)
        else:  # the text before ended with a line break
            cursor.setBlockFormat(block)
        cursor.insertText(f" {words}", letters)
        cursor.insertBlock(_lines(), self._formats[_READ])

    def _make_formats(self) -> None:
        tokens = current_theme().tokens
        for kind in (_LEARNT, _READ, _CONTROL, _LEARNT_CONTROL, _LOST, _NOTE):
            self._formats[kind] = QTextCharFormat()
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families()
        for kind in (_CONTROL, _LEARNT_CONTROL):
            self._formats[kind].setFontFamilies(fixed)
            self._formats[kind].setFontWeight(QFont.Weight.DemiBold)
        for kind in (_LEARNT, _LEARNT_CONTROL):
            self._formats[kind].setForeground(QColor(tokens.text))
            self._formats[kind].setBackground(QColor(tokens.accent_soft))
            self._formats[kind].setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
            self._formats[kind].setUnderlineColor(QColor(tokens.accent_text))
        self._formats[_READ].setForeground(QColor(tokens.muted))
        self._formats[_CONTROL].setForeground(QColor(tokens.muted))
        self._formats[_CONTROL].setBackground(QColor(tokens.hover))
        self._formats[_LEARNT_CONTROL].setForeground(QColor(tokens.accent_text))
        self._formats[_LOST].setForeground(QColor(tokens.placeholder))
        self._formats[_LOST].setFontStrikeOut(True)
        small = self.font().pointSizeF() * 0.92
        self._formats[_NOTE].setFontPointSize(max(1.0, small))

    def _at(self, position: int) -> int | None:
        """The number of the token at a place of the document."""
        place = bisect_right(self._starts, position) - 1
        return place if place >= 0 and position < self._ends[place] else None

    @Slot()
    def _on_caret(self) -> None:
        if not self._is_drawing:
            self._point(self._at(self.textCursor().position()))

    @Slot()
    def _on_theme_changed(self) -> None:
        self._make_formats()
        self._draw()

    def _point(self, place: int | None) -> None:
        """Set a token off and say which it is."""
        pointed = None if place is None else self._pieces[place]
        self.setExtraSelections([] if place is None else [self._mark(place)])
        self.setAccessibleDescription(_description(pointed, learnt_word(self._texts)))
        self.pointed.emit(pointed)

    def _mark(self, place: int) -> QTextEdit.ExtraSelection:
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._starts[place])
        cursor.setPosition(self._ends[place], QTextCursor.MoveMode.KeepAnchor)
        tokens = current_theme().tokens
        letters = QTextCharFormat()
        letters.setBackground(QColor(tokens.text))
        letters.setForeground(QColor(tokens.window))
        selection = QTextEdit.ExtraSelection()
        selection.cursor, selection.format = cursor, letters
        return selection

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if event.buttons():
            return
        under = self._under(event)
        self._point(self._at(self.textCursor().position()) if under is None else under)

    def _under(self, event: QMouseEvent) -> int | None:
        """The token under the pointer. The nearest caret may lie behind the letter."""
        cursor = self.cursorForPosition(event.position().toPoint())
        if self.cursorRect(cursor).center().x() > event.position().x():
            cursor.movePosition(QTextCursor.MoveOperation.Left)
        return self._at(cursor.position())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._on_caret()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go from token to token, not from letter to letter."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or event.modifiers() or not self._starts:
            super().keyPressEvent(event)
            return
        here = bisect_right(self._starts, self.textCursor().position()) - 1
        self.go_to(min(max(0, here + step), len(self._starts) - 1))

    def createMimeDataFromSelection(self) -> QMimeData:  # noqa: N802 - Qt calls it
        """What is copied is the text, without the signs for line breaks.

        Qt makes the data: a QMimeData of ours would be destroyed after Python, which crashes.
        """
        text = self.textCursor().selection().toPlainText()
        plain = QTextEdit()
        plain.setPlainText(text.replace(f"{NEW_LINE}\n", "\n").replace("⇥", "\t"))
        plain.selectAll()
        return plain.createMimeDataFromSelection()


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CUT_DRAWN else f"{text[:MOST_CUT_DRAWN]}…"


def _lines() -> QTextBlockFormat:
    block = QTextBlockFormat()
    block.setLineHeight(_LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    return block


def _kind(piece: TokenPiece) -> int:
    if piece.is_control:
        return _LEARNT_CONTROL if piece.is_learnt else _CONTROL
    return _LEARNT if piece.is_learnt else _READ


def _units(text: str) -> int:
    """The length as Qt counts it: letters beyond 16 bits are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _description(pointed: Pointed | None, learnt: str) -> str:
    if pointed is None:
        return ""
    use = learnt if pointed.piece.is_learnt else f"not {learnt}"
    return f"{legible(pointed.piece.text)}, {use}"
