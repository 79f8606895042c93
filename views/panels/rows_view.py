"""The rows of a dataset: go to one by its number, find a text, and read a whole cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPlainTextEdit,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from models.qt.rows_model import FULL_ROLE
from views.panels.row_tools import RowTools
from views.theme import current_theme

if TYPE_CHECKING:
    from models.qt.rows_model import DatasetRowsModel

_COLUMN_WIDTHS = 160, 360
"""Pixels that a column has at least and at most, until the user drags it."""
_CELL_HINT = "Select a cell to read all of it."
_NO_DATASET = "Select one dataset to see its rows."


class RowsView(QWidget):
    """Shows a DatasetRowsModel.

    Signals:
        find_requested: the text, the row (from 0) to begin behind, and whether to go backwards.
        find_cancelled: the search that goes on is no longer wanted.
    """

    find_requested = Signal(str, object, bool)
    find_cancelled = Signal()

    def __init__(self, rows: DatasetRowsModel) -> None:
        super().__init__()
        self._rows = rows
        self._wanted: tuple[int, str] | None = None
        self.tools = RowTools()
        self.table = QTableView()
        self.cell = QPlainTextEdit()
        self._setup_table()
        self._setup_cell()
        self._build()
        self._connect()
        self._show_count()

    def show_row(self, row: int, text: str = "") -> None:
        """Go to a row (from 0), and to the cell with this text; as soon as it has been read."""
        self._wanted = (row, text)
        self._go()

    def forget(self) -> None:
        """Other rows are shown from now on: where to go in the earlier ones means nothing."""
        self._wanted = None
        self.tools.show_state("")

    def edit_number(self) -> None:
        """Put the cursor where the number of a row is typed."""
        self.tools.number.setFocus()
        self.tools.number.selectAll()

    @Slot(bool)
    def find_next(self, backwards: bool = False) -> None:
        """Find the next row with the text; without one, put the cursor where it is typed."""
        text = self.tools.text.text()
        if not text.strip():
            self.tools.text.setFocus()
            return
        now = self.table.currentIndex().row()
        if now < 0 and backwards:
            now = self._rows.rowCount()
        self.find_requested.emit(text, now, backwards)

    @Slot()
    def show_finding(self) -> None:
        """A search goes on."""
        self.tools.show_state("Searching… (Esc ends it)")

    @Slot(str)
    def show_find_end(self, words: str) -> None:
        """A search is over; ``words`` say what came of it."""
        self.tools.show_state(words)

    @Slot(object, bool)
    def show_found(self, row: int, wrapped: bool) -> None:
        """Go to what was found."""
        self.tools.show_state("Went on from the other end." if wrapped else "")
        self.show_row(row, self.tools.text.text().strip())

    def _setup_table(self) -> None:
        table = self.table
        table.setObjectName("datasets.rows")
        table.setAccessibleName("Rows of the dataset")
        table.setModel(self._rows)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        beside = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter  # as the cells are
        table.horizontalHeader().setDefaultAlignment(beside)
        table.horizontalHeader().setHighlightSections(False)
        table.verticalHeader().setHighlightSections(False)

    def _setup_cell(self) -> None:
        self.cell.setObjectName("datasets.cell")
        self.cell.setAccessibleName("The whole cell")
        self.cell.setReadOnly(True)

    def _build(self) -> None:
        preview = QSplitter(Qt.Orientation.Horizontal)
        preview.setHandleWidth(12)
        preview.setChildrenCollapsible(False)
        preview.addWidget(self.table)
        preview.addWidget(self.cell)
        preview.setStretchFactor(0, 5)
        preview.setStretchFactor(1, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.tools)
        column.addWidget(preview, 1)

    def _connect(self) -> None:
        self.table.selectionModel().currentChanged.connect(self._on_cell)
        self.tools.row_requested.connect(self.show_row)
        self.tools.find_requested.connect(self.find_next)
        self.tools.find_cancelled.connect(self.find_cancelled)
        self._rows.modelReset.connect(self._on_reset)
        self._rows.dataChanged.connect(self._on_read)
        current_theme().changed.connect(self._fit)
        self._fit()

    def _go(self) -> None:
        if self._wanted is None or self._rows.rowCount() == 0:
            return
        row, text = self._wanted
        column = max(0, self.table.currentIndex().column())
        if not self._rows.has_row(row):
            self._rows.index(row, 0).data()  # asks for its page
        else:
            self._wanted = None
            column = self._rows.column_with(row, text, column) if text else column
        self._show_cell(self._rows.index(min(row, self._rows.rowCount() - 1), column))
        if text and self._wanted is None:
            self._mark(text)

    def _show_cell(self, index: QModelIndex) -> None:
        """Make it the current one; its row comes to the middle, its column's begin into sight."""
        across = self.table.horizontalScrollBar()
        before = across.value()
        is_same = index.column() == max(0, self.table.currentIndex().column())
        self.table.setCurrentIndex(index)
        self._on_cell(index, QModelIndex())  # it may be the same one, read only now
        self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        start = self.table.horizontalHeader().sectionPosition(index.column())
        across.setValue(before if is_same else start)

    def _mark(self, text: str) -> None:
        """Select the text in the whole cell."""
        self.cell.moveCursor(self.cell.textCursor().MoveOperation.Start)
        if self.cell.find(text):
            self.cell.ensureCursorVisible()

    @Slot(QModelIndex, QModelIndex)
    def _on_cell(self, now: QModelIndex, _before: QModelIndex) -> None:
        text = str(now.data(FULL_ROLE) or "")
        if text != self.cell.toPlainText():  # what is selected in it stays
            self.cell.setPlainText(text)
        self.tools.show_number(now.row())

    @Slot()
    def _on_reset(self) -> None:
        self._show_count()
        self._go()
        QTimer.singleShot(0, self, self._fit_columns)  # once the numbers have taken their room

    @Slot()
    def _on_read(self) -> None:
        if self._wanted is not None:
            self._go()
        elif self.table.currentIndex().isValid():
            self._on_cell(self.table.currentIndex(), QModelIndex())

    def _show_count(self) -> None:
        if not self.table.currentIndex().isValid():
            self.tools.show_number(-1)
            self.cell.clear()
        self.tools.show_count(self._rows.rowCount())
        has_one = self._rows.session is not None
        self.cell.setPlaceholderText(_CELL_HINT if has_one else _NO_DATASET)

    @Slot()
    def _fit(self) -> None:
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 12)
        self._fit_columns()

    @Slot()
    def _fit_columns(self) -> None:
        """All columns in sight where they can be read like that."""
        share = self.table.viewport().width() // max(1, self._rows.columnCount())
        least, most = (round(width * current_theme().scale) for width in _COLUMN_WIDTHS)
        header, width = self.table.horizontalHeader(), min(max(share, least), most)
        header.setStretchLastSection(False)  # or the last one would keep the size it had at first
        header.setDefaultSectionSize(width)
        if header.count():
            header.resizeSection(header.count() - 1, width)
        header.setStretchLastSection(True)
