"""Gives a Markdown page of the guide its looks: sizes, spaces, colours, tables, and its anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QTextBlock, QTextDocument, QTextFragment, QTextFrame, QTextTableCell

    from models.domain.guide import Page
    from views.stylesheet import Tokens

_LINE_HEIGHT = 132.0
_TITLE_SIZES = {1: 1.7, 2: 1.3, 3: 1.1, 4: 1.0}
_TITLE_SPACE = {1: 0.0, 2: 20.0, 3: 14.0, 4: 10.0}
_CODE_MARGIN = 12.0


class GuideDress:
    """Qt reads Markdown with the looks of a plain text editor; this gives it ours, and anchors."""

    def __init__(self, document: QTextDocument, page: Page, tokens: Tokens, font: QFont) -> None:
        self._document = document
        self._named = {name for name, anchor in page.named.items() if name == anchor}
        self._headings = iter(page.headings)
        self._tokens = tokens
        self._size = font.pointSizeF() if font.pointSizeF() > 0 else 10.0
        self._code_font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)

    def put_on(self) -> None:
        """Dress the whole document."""
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        self._dress_tables(self._document.rootFrame())
        block = self._document.begin()
        while block.isValid():
            self._dress_block(QTextCursor(block), block)
            block = block.next()
        cursor.endEditBlock()

    def _dress_block(self, cursor: QTextCursor, block: QTextBlock) -> None:
        level = block.blockFormat().headingLevel()
        if level:
            self._dress_heading(cursor, block, level)
        elif block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence):
            self._dress_code(cursor, block)
        else:
            self._dress_text(cursor, block)

    def _dress_heading(self, cursor: QTextCursor, block: QTextBlock, level: int) -> None:
        space = QTextBlockFormat()
        space.setTopMargin(_TITLE_SPACE[level])
        space.setBottomMargin(6.0 if level < 3 else 2.0)
        cursor.mergeBlockFormat(space)
        anchor = next(self._headings).anchor
        for part in list(fragments(block)):
            look = part.charFormat()
            # The size of a heading is a step from the text's size to Qt, and outdoes a size.
            look.clearProperty(QTextFormat.Property.FontSizeAdjustment)
            look.setFontPointSize(self._size * _TITLE_SIZES[level])
            look.setFontWeight(QFont.Weight.DemiBold)
            look.setAnchor(True)
            look.setAnchorNames([anchor])
            self._over(part).setCharFormat(look)

    def _dress_code(self, cursor: QTextCursor, block: QTextBlock) -> None:
        ground = QTextBlockFormat()
        ground.setBackground(QColor(self._tokens.hover))
        ground.setLeftMargin(_CODE_MARGIN)
        if not block.next().blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence):
            ground.setBottomMargin(10.0)
        cursor.mergeBlockFormat(ground)
        _select_block(cursor)
        cursor.mergeCharFormat(self._code_look())

    def _dress_text(self, cursor: QTextCursor, block: QTextBlock) -> None:
        space = QTextBlockFormat()
        if not any(part.charFormat().isImageFormat() for part in fragments(block)):
            space.setLineHeight(_LINE_HEIGHT, _proportional())  # beneath a picture it would gape
        if block.textList() is not None:
            space.setTopMargin(2.0)
            space.setBottomMargin(2.0)
        if block.blockFormat().hasProperty(QTextFormat.Property.BlockQuoteLevel):
            space.setBackground(QColor(self._tokens.accent_soft))
            space.setLeftMargin(_CODE_MARGIN)
        cursor.mergeBlockFormat(space)
        for number, part in enumerate(list(fragments(block))):
            self._dress_part(part, is_first=number == 0)

    def _dress_part(self, part: QTextFragment, *, is_first: bool) -> None:
        look = QTextCharFormat()
        if part.charFormat().isAnchor():
            look.setForeground(QColor(self._tokens.accent_text))
        if part.charFormat().fontFixedPitch():
            look = self._code_look()
            look.setBackground(QColor(self._tokens.hover))
            if is_first and part.text() in self._named:
                look.setAnchor(True)
                look.setAnchorNames([part.text()])
        self._over(part).mergeCharFormat(look)

    def _over(self, part: QTextFragment) -> QTextCursor:
        cursor = QTextCursor(self._document)
        cursor.setPosition(part.position())
        cursor.setPosition(part.position() + part.length(), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _dress_tables(self, frame: QTextFrame) -> None:
        for child in frame.childFrames():
            if isinstance(child, QTextTable):
                self._dress_table(child)
            self._dress_tables(child)

    def _dress_table(self, table: QTextTable) -> None:
        form = table.format().toTableFormat()
        form.setBorder(0.0)
        form.setBorderCollapse(True)
        form.setCellPadding(6.0)
        form.setCellSpacing(0.0)
        form.setTopMargin(6.0)
        form.setBottomMargin(10.0)
        form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100.0))
        table.setFormat(form)
        for row in range(table.rows()):
            for column in range(table.columns()):
                self._dress_cell(table.cellAt(row, column), is_head=row == 0)

    def _dress_cell(self, cell: QTextTableCell, *, is_head: bool) -> None:
        """A line beneath each row; the border of a whole table has no colour of its own."""
        form = cell.format().toTableCellFormat()
        form.setBottomBorder(1.0)
        form.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBottomBorderBrush(QColor(self._tokens.border))
        if is_head:
            form.setBackground(QColor(self._tokens.hover))
        cell.setFormat(form)

    def _code_look(self) -> QTextCharFormat:
        look = QTextCharFormat()
        look.setFontFamilies(self._code_font.families() or [self._code_font.family()])
        look.setFontFixedPitch(True)
        look.setFontPointSize(self._size * 0.95)
        return look


def fragments(block: QTextBlock) -> Iterator[QTextFragment]:
    """The pieces of a block, each of one look."""
    parts = block.begin()
    while not parts.atEnd():
        yield parts.fragment()
        parts += 1


def _select_block(cursor: QTextCursor) -> None:
    cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock)
    cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)


def _proportional() -> int:
    return QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
