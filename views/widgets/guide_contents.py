"""The left side of the guide: its contents as a tree, or what a search has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from models.domain.guide import Place
from models.qt.wording import counted
from views.widgets.card import text_label

if TYPE_CHECKING:
    from models.domain.guide import Guide

_PLACE = Qt.ItemDataRole.UserRole
_INDENT = "\N{EM SPACE}"


class GuideContents(QWidget):
    """A search field over the contents; other tools may stand before it, in ``tools``.

    Signals:
        place_chosen: the Place (payload) to show.
        words_changed: the words (payload, a tuple) that are searched for.
    """

    place_chosen = Signal(object)
    words_changed = Signal(object)

    def __init__(self, guide: Guide, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._guide = guide
        self.search = QLineEdit()
        self.search.setObjectName("guide.search")
        self.search.setAccessibleName("Search the guide")
        self.search.setPlaceholderText("Search (Ctrl+F)")
        self.search.setClearButtonEnabled(False)
        self.tree = QTreeWidget()
        self.tree.setObjectName("guide.contents")
        self.tree.setAccessibleName("Contents of the guide")
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(0)  # the style would paint a selected row in two pieces
        self.tree.setRootIsDecorated(False)
        self.found = QListWidget()
        self.found.setObjectName("guide.found")
        self.found.setAccessibleName("Sections that were found")
        self.found.setWordWrap(True)
        self.found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._count = text_label("", "muted", wrap=True)
        self._count.setObjectName("guide.found_count")
        self._sides = QStackedWidget()
        self._items: dict[Place, QTreeWidgetItem] = {}
        self._build()
        self._fill()
        self._connect()

    def show_place(self, place: Place) -> None:
        """Show in the contents where the reader is, without going anywhere."""
        found = self._guide.page(place.page)
        chapter = found.chapter(place.anchor) if found is not None and place.anchor else ""
        item = self._items.get(Place(place.page, chapter)) or self._items.get(Place(place.page))
        if item is None:
            return
        page = item.parent() or item
        for row in range(self.tree.topLevelItemCount()):
            other = self.tree.topLevelItem(row)
            if other is not None:
                other.setExpanded(other is page)
        self.tree.setCurrentItem(item)
        self.tree.scrollToItem(page)
        self.tree.scrollToItem(item)

    @Slot()
    def clear_search(self) -> None:
        """Show the contents again."""
        self.search.clear()
        self._on_text("")

    def _build(self) -> None:
        hits = QWidget()
        below = QVBoxLayout(hits)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(6)
        below.addWidget(self._count)
        below.addWidget(self.found, 1)
        self._sides.addWidget(self.tree)
        self._sides.addWidget(hits)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.tools = QHBoxLayout()
        self.tools.setSpacing(2)
        self.tools.addWidget(self.search, 1)
        column.addLayout(self.tools)
        column.addWidget(self._sides, 1)

    def _fill(self) -> None:
        for page in self._guide.pages:
            top = self._add(None, Place(page.name), page.title)
            for chapter in page.chapters:
                self._add(top, Place(page.name, chapter.anchor), chapter.title)

    def _add(self, parent: QTreeWidgetItem | None, place: Place, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([title if parent is None else f"{_INDENT}{title}"])
        item.setData(0, _PLACE, place)
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, title)
        item.setToolTip(0, title)
        if parent is None:
            self.tree.addTopLevelItem(item)
        else:
            parent.addChild(item)
        self._items[place] = item
        return item

    def _connect(self) -> None:
        self.tree.itemClicked.connect(self._on_item)
        self.tree.itemActivated.connect(self._on_item)
        self.found.itemClicked.connect(self._on_hit)
        self.found.itemActivated.connect(self._on_hit)
        self.search.textEdited.connect(self._on_text)
        self.search.returnPressed.connect(self._on_return)

    @Slot(QTreeWidgetItem, int)
    def _on_item(self, item: QTreeWidgetItem, _column: int) -> None:
        self.place_chosen.emit(item.data(0, _PLACE))

    @Slot(QListWidgetItem)
    def _on_hit(self, item: QListWidgetItem) -> None:
        self.place_chosen.emit(item.data(_PLACE))

    @Slot(str)
    def _on_text(self, text: str) -> None:
        hits = self._guide.search(text)
        self.found.clear()
        for hit in hits:
            words = hit.title if hit.title == hit.page_title else f"{hit.title}\n{hit.page_title}"
            item = QListWidgetItem(words)
            item.setData(_PLACE, hit.place)
            self.found.addItem(item)
        nothing = f"Nothing about “{text.strip()}”. Try another word."
        self._count.setText(f"{counted(len(hits), 'section')} found" if hits else nothing)
        self._sides.setCurrentIndex(1 if text.strip() else 0)
        self.words_changed.emit(tuple(text.split()))

    @Slot()
    def _on_return(self) -> None:
        """The first section found, and with each further press the next one."""
        count = self.found.count()
        if count and self.search.text().strip():
            self.found.setCurrentRow((self.found.currentRow() + 1) % count)
            self._on_hit(self.found.currentItem())
