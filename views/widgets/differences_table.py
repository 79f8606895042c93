"""Results and differing settings of several runs, a column for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QBrush, QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QTableWidget,
    QTableWidgetItem,
)

from views.theme import current_theme
from views.widgets.run_colors import sample_icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from models.qt.compare_model import CompareModel, CompareRow

_WIDEST, _NARROWEST = 164, 84


class MarkDelegate(QStyledItemDelegate):
    """Paints the ground of marked cells; the style sheet's cells have none of their own."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        ground = index.data(Qt.ItemDataRole.BackgroundRole)
        if ground is not None:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(option.rect.adjusted(3, 2, -3, -2), 5, 5)
            painter.restore()
        super().paint(painter, option, index)


class DifferencesTable(QTableWidget):
    """The labels stay in sight while the columns are scrolled. As high as its rows."""

    def __init__(self, name: str, model: CompareModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Results and differing settings of the selected runs")
        self._model = model
        self._setup_table()
        model.changed.connect(self._show_rows)
        current_theme().changed.connect(self._show_rows)

    def _setup_table(self) -> None:
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setItemDelegate(MarkDelegate(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        across, down = self.horizontalHeader(), self.verticalHeader()
        across.setDefaultAlignment(left)
        across.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        down.setDefaultAlignment(left)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        for header in (across, down):
            header.setHighlightSections(False)
            header.setSectionsClickable(False)

    @Slot()
    def _show_rows(self) -> None:
        rows = (*self._model.rows(), *self._model.difference_rows())
        names = self._model.names
        self.setRowCount(len(rows))
        self.setColumnCount(len(names))
        for column, name in enumerate(names):
            head = QTableWidgetItem(sample_icon(column), name)
            head.setToolTip(name)
            self.setHorizontalHeaderItem(column, head)
        for number, row in enumerate(rows):
            self.setVerticalHeaderItem(number, QTableWidgetItem(row.label))
            self._show_row(number, row)
        self._fit(rows)

    def _show_row(self, number: int, row: CompareRow) -> None:
        tokens = current_theme().tokens
        ground = QBrush(QColor(tokens.good_soft if row.is_best else tokens.accent_soft))
        words = "the lowest" if row.is_best else "not as in the first run"
        for column, value in enumerate(row.values):
            item = QTableWidgetItem(value)
            item.setToolTip(value)
            if column in row.marked:
                item.setBackground(ground)
                item.setToolTip(f"{value}: {words}")
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, words)
            self.setItem(number, column, item)

    def _fit(self, rows: Sequence[CompareRow]) -> None:
        scale = current_theme().scale
        self.resizeColumnsToContents()
        for column in range(self.columnCount()):
            width = self.columnWidth(column)
            least, most = round(_NARROWEST * scale), round(_WIDEST * scale)
            self.setColumnWidth(column, max(least, min(width, most)))
        height = self.fontMetrics().height() + 12
        self.verticalHeader().setDefaultSectionSize(height)
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(
            self.horizontalHeader().sizeHint().height() + len(rows) * height + bar + 4
        )
