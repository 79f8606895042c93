"""The rows of a dataset: go to one by its number, find a text, and read a whole cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from models.qt.rows_model import FULL_ROLE
from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from models.qt.rows_model import DatasetRowsModel

_COLUMN_WIDTH = 360
_SEPARATORS = ", .'\u202f\u00a0"
"""What may stand between the digits of a number that somebody pastes."""


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
        self.table = QTableView()
        self.cell = QPlainTextEdit()
        self.number = QLineEdit()
        self._of = text_label("", "muted")
        self._state = ElidedLabel("muted")
        self.text = _FindLine()
        self._previous = IconButton("back", "Find the previous row (Shift+F3)")
        self._next = IconButton("forward", "Find the next row (F3)")
        self._setup()
        self._build()
        self._connect()
        self._show_count()

    def show_row(self, row: int, text: str = "") -> None:
        """Go to a row (from 0), and to the cell with this text; as soon as it has been read."""
        self._wanted = (row, text)
        self._go()

    def edit_number(self) -> None:
        """Put the cursor where the number of a row is typed."""
        self.number.setFocus()
        self.number.selectAll()

    def find_next(self, *, backwards: bool = False) -> None:
        """Find the next row with the text; without one, put the cursor where it is typed."""
        if not self.text.text().strip():
            self.text.setFocus()
            return
        now = self.table.currentIndex().row()
        if now < 0 and backwards:
            now = self._rows.rowCount()
        self.find_requested.emit(self.text.text(), now, backwards)

    @Slot()
    def show_finding(self) -> None:
        """A search goes on."""
        self._state.setText("Searching… (Esc ends it)")

    @Slot(str)
    def show_find_end(self, words: str) -> None:
        """A search is over; ``words`` say what came of it."""
        self._state.setText(words)

    @Slot(object, bool)
    def show_found(self, row: int, wrapped: bool) -> None:
        """Go to what was found."""
        self._state.setText("Went on from the other end." if wrapped else "")
        self.show_row(row, self.text.text().strip())

    def _setup(self) -> None:
        self._setup_table()
        self.cell.setObjectName("datasets.cell")
        self.cell.setAccessibleName("The whole cell")
        self.cell.setReadOnly(True)
        self.cell.setPlaceholderText("Select a cell to read all of it.")
        self.cell.setMinimumHeight(0)
        self.number.setObjectName("datasets.row_number")
        self.number.setAccessibleName("Go to row")
        self.number.setToolTip("Type a number and press Return (Ctrl+G)")
        self.text.setObjectName("datasets.find")
        self.text.setAccessibleName("Find in rows")
        self.text.setPlaceholderText("Find in rows (F3)")
        self.text.setToolTip("A text in any column, whatever its case")
        self.text.setClearButtonEnabled(True)
        self._previous.setObjectName("datasets.find_previous")
        self._next.setObjectName("datasets.find_next")
        self._state.setObjectName("datasets.find_state")
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

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
        table.horizontalHeader().setStretchLastSection(True)
        beside = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter  # as the cells are
        table.horizontalHeader().setDefaultAlignment(beside)
        table.horizontalHeader().setHighlightSections(False)
        table.verticalHeader().setHighlightSections(False)

    def _build(self) -> None:
        label = text_label("Ro&w")
        label.setBuddy(self.number)
        label.setTextFormat(Qt.TextFormat.AutoText)
        tools = QHBoxLayout()
        tools.setSpacing(6)
        tools.addWidget(label)
        tools.addWidget(self.number)
        tools.addWidget(self._of)
        tools.addWidget(self._state, 1)
        tools.addWidget(self.text)
        tools.addWidget(self._previous)
        tools.addWidget(self._next)
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
        column.addLayout(tools)
        column.addWidget(preview, 1)

    def _connect(self) -> None:
        self.table.selectionModel().currentChanged.connect(self._on_cell)
        self.number.returnPressed.connect(self._on_number)
        self.text.returnPressed.connect(self._on_next)
        self.text.escaped.connect(self.find_cancelled)
        self._next.clicked.connect(self._on_next)
        self._previous.clicked.connect(self._on_previous)
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
        self.number.setText(f"{now.row() + 1:,}" if now.isValid() else "")

    @Slot()
    def _on_number(self) -> None:
        digits = "".join(one for one in self.number.text() if one not in _SEPARATORS)
        count = self._rows.rowCount()
        if digits.isdecimal() and 1 <= int(digits) <= count:
            self._state.setText("")
            self.show_row(int(digits) - 1)
        elif count:
            self._state.setText(f"The rows go from 1 to {count:,}.")

    @Slot()
    def _on_next(self) -> None:
        self.find_next()

    @Slot()
    def _on_previous(self) -> None:
        self.find_next(backwards=True)

    @Slot()
    def _on_reset(self) -> None:
        self._show_count()
        self._go()

    @Slot()
    def _on_read(self) -> None:
        if self._wanted is not None:
            self._go()
        elif self.table.currentIndex().isValid():
            self._on_cell(self.table.currentIndex(), QModelIndex())

    def _show_count(self) -> None:
        count = self._rows.rowCount()
        if not self.table.currentIndex().isValid():
            self.number.clear()
            self.cell.clear()
        self._of.setText(f"of {count:,}" if count else "")
        for widget in (self.number, self.text, self._previous, self._next):
            widget.setEnabled(count > 0)

    @Slot()
    def _fit(self) -> None:
        letters = self.fontMetrics()
        self.number.setFixedWidth(letters.horizontalAdvance("9,999,999") + 28)
        self.text.setFixedWidth(letters.horizontalAdvance("Find in rows (F3)") + 90)
        self.table.verticalHeader().setDefaultSectionSize(letters.height() + 12)
        self.table.horizontalHeader().setDefaultSectionSize(
            round(_COLUMN_WIDTH * current_theme().scale)
        )


class _FindLine(QLineEdit):
    """A line that tells when it is left with Escape.

    Signals:
        escaped: the Escape key.
    """

    escaped = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
            return
        super().keyPressEvent(event)
