"""The tables of the Storage page: kinds, what there is of one, and what a clean-up removes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem

from models.domain.storage import StoredKind
from models.qt.storage_model import KIND_ROLE
from views.theme import current_theme
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex

    from models.domain.storage import StoredItem
    from models.qt.storage_model import KindRow, KindsModel, StoredItemsModel, VerdictsModel

_MARK = 10
_TOKENS = {
    StoredKind.CHECKPOINT: "part_weights",
    StoredKind.RESULT: "part_adapter",
    StoredKind.RUN: "part_optimizer",
    StoredKind.DATASET: "part_activations",
    StoredKind.MODEL: "part_logits",
    StoredKind.IMAGE: "run_5",
    StoredKind.ENVIRONMENT: "part_other",
    StoredKind.CACHE: "part_context",
    StoredKind.PROGRAM: "disabled",
}


def kind_color(kind: StoredKind) -> str:
    """The colour of a kind in the theme of now."""
    return str(getattr(current_theme().tokens, _TOKENS[kind]))


class KindsTable(ItemTable):
    """One row a kind, with its mark in the colour of the bar above.

    Signals:
        kind_chosen: the StoredKind (payload), or None for everything.
    """

    kind_chosen = Signal(object)

    def __init__(self, kinds: KindsModel) -> None:
        super().__init__("storage.kinds", "What takes room, by kind", kinds)
        self._kinds = kinds
        self.setSortingEnabled(False)
        self.horizontalHeader().hide()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegateForColumn(0, _MarkDelegate(self))
        self.item_selected.connect(self._on_selected)
        kinds.modelReset.connect(self.fit)
        current_theme().changed.connect(self.fit)
        self.fit()

    @Slot()
    def fit(self) -> None:
        """Be just as high as the rows need."""
        row = self.fontMetrics().height() + 10
        self.verticalHeader().setDefaultSectionSize(row)
        self.setFixedHeight(max(1, self.model().rowCount()) * row + 4)

    def show_kind(self, kind: StoredKind | None) -> None:
        """Mark the kind that is shown; nobody has chosen it just now."""
        row = self._kinds.row_of(kind)
        blocked = self.blockSignals(True)
        if row >= 0 and self.selected_item() != self._kinds.item(row):
            self.selectRow(row)
        self.blockSignals(blocked)

    @Slot(object)
    def _on_selected(self, row: KindRow | None) -> None:
        if row is not None:
            self.kind_chosen.emit(row.kind)


class StoredTable(ItemTable):
    """What takes room.

    Signals:
        chosen: the StoredItem (payload) that is selected, or None.
    """

    chosen = Signal(object)

    def __init__(self, items: StoredItemsModel) -> None:
        super().__init__("storage.items", "What takes room", items)
        self.setItemDelegateForColumn(0, _MiddleDelegate(self))
        self.item_selected.connect(self.chosen)
        current_theme().changed.connect(self._fit_rows)

    def selected(self) -> StoredItem | None:
        """What is selected."""
        return self.selected_item()  # type: ignore[return-value]


class VerdictsTable(ItemTable):
    """What a clean-up removes and what it leaves, with the reasons."""

    def __init__(self, verdicts: VerdictsModel) -> None:
        super().__init__("storage.plan", "What a clean-up removes", verdicts)
        # However long a name is, the reason stays in sight.
        self.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.setItemDelegateForColumn(0, _MiddleDelegate(self))
        current_theme().changed.connect(self._fit_rows)


class _MarkDelegate(QStyledItemDelegate):
    """Puts a kind's mark before its name; everything has none."""

    def initStyleOption(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        word = str(index.data(KIND_ROLE) or "")
        side = round(_MARK * current_theme().scale)
        option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
        option.icon = _mark(kind_color(StoredKind(word)) if word else "transparent", side)
        option.decorationSize = QSize(side, side)


class _MiddleDelegate(QStyledItemDelegate):
    """Cuts a long name in its middle: which checkpoint it is stands at its end."""

    def initStyleOption(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideMiddle


def _mark(color: str, side: int) -> QIcon:
    ratio = 3  # sharp on every screen
    pixmap = QPixmap(side * ratio, side * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    painter.drawRoundedRect(pixmap.rect(), 2 * ratio, 2 * ratio)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it
    return icon
