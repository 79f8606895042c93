"""Plain text of any length, as high as it is: it wraps anywhere, can be selected, shows code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent, QTextBlock

FENCE = "```"
_PROSE, _CODE, _FENCE_END = 0, 1, 2
"""What is remembered of each line: whether it stands in a block of code."""


class FlowText(QTextEdit):
    """What a model wrote is shown as it is, never as markup: it may hold anything.

    Lines between fences (three backticks) stand in the fixed font on a ground of their own.
    """

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setProperty("flow", "true")
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # Not a stop of the Tab key: it would be one for each answer.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.document().setDocumentMargin(0)
        if role:
            self.setProperty("role", role)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        current_theme().changed.connect(self._on_theme_changed)
        self.set_text(text)

    def text(self) -> str:
        """The whole text."""
        return self._text

    def set_text(self, text: str) -> None:
        """Show this text; what only grew at its end keeps the user's selection."""
        if text == self._text:
            return
        grown = text[len(self._text) :] if self._text and text.startswith(self._text) else ""
        self._text = text
        if grown:
            self._append(grown)
        else:
            self.setPlainText(text)
            self._dress_from(self.document().firstBlock())
        self._fit()

    def _append(self, text: str) -> None:
        block = self.document().lastBlock()
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)
        self._dress_from(block)

    def _dress_from(self, block: QTextBlock) -> None:
        """Give lines their font and ground, from this one on."""
        if FENCE not in self._text:
            return
        inside = block.previous().userState() == _CODE
        while block.isValid():
            is_fence = block.text().lstrip().startswith(FENCE)
            is_code = inside or is_fence
            self._dress(block, is_code=is_code, is_fence=is_fence)
            inside = inside != is_fence
            block.setUserState(_CODE if inside else _FENCE_END if is_fence else _PROSE)
            block = block.next()

    def _dress(self, block: QTextBlock, *, is_code: bool, is_fence: bool) -> None:
        tokens = current_theme().tokens
        cursor = QTextCursor(block)
        cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
        letters, lines = QTextCharFormat(), QTextBlockFormat()
        if is_code:
            letters.setFontFamilies(
                QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families()
            )
            letters.setForeground(QColor(tokens.muted if is_fence else tokens.text))
            lines.setBackground(QColor(tokens.hover))
        cursor.setCharFormat(letters)
        QTextCursor(block).setBlockFormat(lines)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._dress_from(self.document().firstBlock())

    @Slot()
    def _fit(self) -> None:
        height = math.ceil(self.document().size().height()) + 2 * self.frameWidth()
        if height != self.height():
            self.setFixedHeight(height)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.minimumHeight())

    def sizeHint(self) -> QSize:
        return QSize(200, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
