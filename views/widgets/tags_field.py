"""A line of tags, separated by commas, that completes those which were used before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QStringListModel, Qt, Signal, Slot
from PySide6.QtWidgets import QCompleter, QLineEdit

from models.domain.run_history import clean_tags
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFocusEvent, QKeyEvent

_JOIN = ", "


class TagsField(QLineEdit):
    """Reports when the field is left, or with Return; repeated and empty tags are dropped.

    Signals:
        tags_edited: the tags (a tuple of texts), where they are others than were shown.
    """

    tags_edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, ...] = ()
        self._known = QStringListModel(self)
        self._completer = QCompleter(self._known, self)
        self._completer.setWidget(self)  # not the line's own: it would complete the whole line
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.activated.connect(self._on_chosen)
        popup = self._completer.popup()
        if popup is not None:
            current_theme().dress(popup)  # a window that has no parent
        self.setPlaceholderText("For example: baseline, short answers")
        self.textEdited.connect(self._on_text_edited)
        self.editingFinished.connect(self.finish)

    def set_known(self, tags: Sequence[str]) -> None:
        """Offer these tags while one of them is typed."""
        self._known.setStringList(list(tags))

    def show_tags(self, tags: Sequence[str]) -> None:
        """Show these tags."""
        self._shown = tuple(tags)
        self.setText(_JOIN.join(tags))
        self.setCursorPosition(0)

    @Slot()
    def finish(self) -> None:
        """Report what was typed, if it is something else."""
        tags = clean_tags(self.text().split(","))
        if tags != self._shown:
            self.show_tags(tags)
            self.tags_edited.emit(tags)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        popup = self._completer.popup()
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab)
        if popup is not None and popup.isVisible() and event.key() in keys:
            event.ignore()  # the list's own: it takes the tag that is marked
            return
        if event.key() == Qt.Key.Key_Escape:
            self.show_tags(self._shown)
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.finish()

    @Slot(str)
    def _on_text_edited(self, text: str) -> None:
        begun = text[: self.cursorPosition()].rpartition(",")[2].strip()
        self._completer.setCompletionPrefix(begun)
        only = self._completer.currentCompletion()
        popup = self._completer.popup()
        if not begun or not only or only.casefold() == begun.casefold():
            if popup is not None:
                popup.hide()
        else:
            self._completer.complete()

    @Slot(str)
    def _on_chosen(self, tag: str) -> None:
        place = self.cursorPosition()
        before, comma, _ = self.text()[:place].rpartition(",")
        begin = f"{before}{comma} {tag}" if comma else tag
        after = self.text()[place:].lstrip(" ,")
        self.setText(_JOIN.join(part for part in (begin, after) if part))
        self.setCursorPosition(len(begin))
