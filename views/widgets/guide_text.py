"""A page of the guide as readable text in the theme's colours: Markdown, dressed after reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QColor, QImage, QTextCursor, QTextDocument, QTextFormat
from PySide6.QtWidgets import QTextBrowser, QTextEdit, QWidget

from views.theme import current_theme
from views.widgets.guide_dress import GuideDress, fragments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QResizeEvent

    from models.domain.guide import Page

_WIDEST = 760
"""Of the text in pixels at 10 points: about ninety letters; longer lines are hard to follow."""
_MARGIN = 24
_ABOVE = 12
_NOTHING = QImage(1, 1, QImage.Format.Format_ARGB32)
_NOTHING.fill(0)


class GuideText(QTextBrowser):
    """Shows a page at one of its anchors; links leave as ``anchorClicked``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setObjectName("guide.text")
        self.setAccessibleName("Text of the guide")
        # Always: pictures are as wide as the room, which must not shrink when a page is long.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._page: Page | None = None
        self._words: tuple[str, ...] = ()
        self._anchor = ""

    def show_page(self, page: Page, folder: QUrl) -> None:
        """Show a page from its beginning; its images are looked for from ``folder``."""
        self._page, self._anchor = page, ""
        document = self.document()
        document.setDocumentMargin(_MARGIN)
        document.setBaseUrl(folder)
        document.setMarkdown(page.text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        GuideDress(document, page, current_theme().tokens, self.font()).put_on()
        self._limit_width()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self._mark()

    def go_to(self, anchor: str) -> None:
        """Bring an anchor to the top and mark its line; an empty one is the page's beginning."""
        self._anchor = anchor
        bar = self.verticalScrollBar()
        bar.setValue(0)
        if anchor:
            self.scrollToAnchor(anchor)
            bar.setValue(bar.value() - _ABOVE)
        self._mark()

    def mark_words(self, words: tuple[str, ...]) -> None:
        """Mark these words wherever they stand."""
        self._words = words
        self._mark()

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: N802
        """Images lie beside the pages, those of ``-light`` in the theme's own colours as well;
        nothing is ever fetched, and a picture that is not there takes no room.
        """
        url = self.document().baseUrl().resolved(QUrl(name))
        if kind != QTextDocument.ResourceType.ImageResource.value or not url.isLocalFile():
            return None
        path = Path(url.toLocalFile())
        themed = path.with_name(path.name.replace("-light.", f"-{current_theme().tokens.name}."))
        image = QImage(str(themed if themed.is_file() else path))
        if image.isNull():
            return _NOTHING
        room = min(self._widest(), self.viewport().width()) - 2 * _MARGIN
        if image.width() <= room:
            return image
        return image.scaledToWidth(room, Qt.TransformationMode.SmoothTransformation)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._limit_width()

    def _limit_width(self) -> None:
        widest = self._widest()
        frame = self.document().rootFrame()
        form = frame.frameFormat()
        right = max(0, self.viewport().width() - widest)
        if form.rightMargin() != right + _MARGIN:
            form.setRightMargin(right + _MARGIN)
            frame.setFrameFormat(form)

    def _widest(self) -> int:
        return round(_WIDEST * max(1.0, self.fontInfo().pointSizeF() / 10.0))

    def _mark(self) -> None:
        tokens = current_theme().tokens
        found = [*self._anchor_selection(QColor(tokens.accent_soft))]
        for word in self._words:
            found += self._word_selections(word, QColor(tokens.warning_soft))
        self.setExtraSelections(found)

    def _anchor_selection(self, color: QColor) -> Iterator[QTextEdit.ExtraSelection]:
        block = self.document().begin()
        while self._anchor and block.isValid():
            if any(self._anchor in part.charFormat().anchorNames() for part in fragments(block)):
                selection = QTextEdit.ExtraSelection()
                selection.cursor = QTextCursor(block)
                selection.cursor.select(QTextCursor.SelectionType.LineUnderCursor)
                selection.format.setBackground(color)
                selection.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                yield selection
                return
            block = block.next()

    def _word_selections(self, word: str, color: QColor) -> Iterator[QTextEdit.ExtraSelection]:
        cursor = self.document().find(word, 0)
        while not cursor.isNull():
            selection = QTextEdit.ExtraSelection()
            selection.cursor = cursor
            selection.format.setBackground(color)
            yield selection
            cursor = self.document().find(word, cursor)
