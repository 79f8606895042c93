"""The Datasets page: the library in a table, the rows of the selected dataset beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QSplitter,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from models.domain.dataset import DatasetSession
from models.qt.datasets_model import describe
from models.qt.rows_model import FULL_ROLE
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from models.qt.datasets_model import DatasetsModel
    from models.qt.rows_model import DatasetRowsModel

_COLUMN_WIDTH = 360


class DatasetsPanel(QWidget):
    """Datasets, and a look into one.

    Signals:
        import_requested, sample_requested: bring rows in.
        use_requested, delete_requested: the DatasetSession (payload).
    """

    import_requested = Signal()
    sample_requested = Signal()
    use_requested = Signal(object)
    delete_requested = Signal(object)

    def __init__(
        self, datasets: DatasetsModel, rows: DatasetRowsModel, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._datasets = datasets
        self._rows = rows
        self.table = ItemTable("datasets.table", "All datasets", datasets)
        self.rows = QTableView()
        self._cell = QPlainTextEdit()
        self._caption = text_label("", "muted", wrap=True)
        self._import = push_button("&Import…", "primary")
        self._import.setObjectName("datasets.import")
        self._sample = push_button("Add the sample")
        self._sample.setObjectName("datasets.sample")
        self._use = push_button("Trai&n on it")
        self._use.setObjectName("datasets.use")
        self._delete = push_button("Delete…")
        self._delete.setObjectName("datasets.delete")
        self._stack = QStackedLayout()
        self._build()
        self._connect()
        self._show_list()
        self._show_buttons()

    def select(self, session: DatasetSession) -> None:
        """Select a dataset, and so show its rows."""
        self.table.select_source_row(self._datasets.row_of(session.id))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(text_label("Datasets", "title"))
        head.addStretch(1)
        for button in (self._use, self._delete, self._sample, self._import):
            head.addWidget(button)
        empty = EmptyState("No datasets yet. Drop a file or a folder here, or import one.")
        empty.add_button("Import a file…", "primary").clicked.connect(self.import_requested)
        empty.add_button("Use the sample").clicked.connect(self.sample_requested)
        self._stack.addWidget(empty)
        self._stack.addWidget(self._body())
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 20, 12)
        column.setSpacing(12)
        column.addLayout(head)
        column.addLayout(self._stack, 1)

    def _body(self) -> QSplitter:
        body = QSplitter(Qt.Orientation.Vertical)
        body.setHandleWidth(14)
        body.setChildrenCollapsible(False)
        body.addWidget(self.table)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._caption)
        column.addWidget(self._preview(), 1)
        body.addWidget(below)
        body.setStretchFactor(0, 2)
        body.setStretchFactor(1, 3)
        return body

    def _preview(self) -> QSplitter:
        self.rows.setObjectName("datasets.rows")
        self.rows.setAccessibleName("Rows of the dataset")
        self.rows.setModel(self._rows)
        self.rows.setWordWrap(False)
        self.rows.setTabKeyNavigation(False)
        self.rows.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.rows.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.rows.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.rows.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 12)
        self.rows.horizontalHeader().setDefaultSectionSize(_COLUMN_WIDTH)
        self.rows.horizontalHeader().setStretchLastSection(True)
        beside = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter  # as the cells are
        self.rows.horizontalHeader().setDefaultAlignment(beside)
        self.rows.horizontalHeader().setHighlightSections(False)
        self.rows.verticalHeader().setHighlightSections(False)
        self._cell.setObjectName("datasets.cell")
        self._cell.setAccessibleName("The whole cell")
        self._cell.setReadOnly(True)
        self._cell.setPlaceholderText("Select a cell to read all of it.")
        preview = QSplitter(Qt.Orientation.Horizontal)
        preview.setHandleWidth(12)
        preview.setChildrenCollapsible(False)
        preview.addWidget(self.rows)
        preview.addWidget(self._cell)
        preview.setStretchFactor(0, 5)
        preview.setStretchFactor(1, 3)
        return preview

    def _connect(self) -> None:
        self._import.clicked.connect(self.import_requested)
        self._sample.clicked.connect(self.sample_requested)
        self._use.clicked.connect(self._on_use)
        self._delete.clicked.connect(self._on_delete)
        self.table.item_selected.connect(self._on_selected)
        self.rows.selectionModel().currentChanged.connect(self._on_cell)
        model = self._datasets
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._show_list)

    @Slot(object)
    def _on_selected(self, session: object) -> None:
        chosen = session if isinstance(session, DatasetSession) else None
        self._rows.show_session(chosen)
        self._cell.clear()
        self._caption.setText("" if chosen is None else f"{chosen.name}: {describe(chosen)}")
        self._show_buttons()

    @Slot(QModelIndex, QModelIndex)
    def _on_cell(self, now: QModelIndex, _before: QModelIndex) -> None:
        self._cell.setPlainText(str(now.data(FULL_ROLE) or ""))

    @Slot()
    def _on_use(self) -> None:
        self.use_requested.emit(self.table.selected_item())

    @Slot()
    def _on_delete(self) -> None:
        self.delete_requested.emit(self.table.selected_item())

    @Slot()
    def _show_list(self) -> None:
        has_any = self._datasets.rowCount() > 0
        self._stack.setCurrentIndex(1 if has_any else 0)
        self._import.setVisible(has_any)
        self._sample.setVisible(has_any)
        if has_any and self.table.selected_item() is None:
            self.table.selectRow(0)
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        chosen = self.table.selected_item() is not None
        for button in (self._use, self._delete):
            button.setEnabled(chosen)
            button.setVisible(self._datasets.rowCount() > 0)
