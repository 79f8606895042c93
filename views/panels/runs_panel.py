"""The Runs page: every run in a table, the selected one beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from views.panels.run_panel import RunPanel
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState
from views.widgets.item_table import ItemTable
from views.widgets.page_column import TwoColumns

if TYPE_CHECKING:
    from models.qt.run_models import RunModels
    from models.qt.runs_model import RunsModel

_USE_HELP = "Put the settings of this run into the form"
_CHOOSE = "Choose a run in the table first"


class RunsPanel(QWidget):
    """Runs, and one of them with its chart, log and inference.

    Signals:
        run_selected: the Run (payload) to show.
        refresh_requested: read the list again.
        delete_requested, use_setup_requested: the Run (payload).
        training_requested: go to the Training page.
    """

    run_selected = Signal(object)
    refresh_requested = Signal()
    delete_requested = Signal(object)
    use_setup_requested = Signal(object)
    training_requested = Signal()

    def __init__(self, runs: RunsModel, shown: RunModels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._runs = runs
        self._shown = shown
        self.table = ItemTable("runs.table", "All runs", runs, stretches=False)
        self.run_panel = RunPanel("runs")
        self.run_panel.attach(shown)
        self._use = push_button("Use this setup")
        self._use.setObjectName("runs.use_setup")
        self._delete = push_button("Delete…")
        self._delete.setObjectName("runs.delete")
        self._stack = QStackedLayout()
        self._build()
        self._connect()
        self._show_list()
        self._show_buttons()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(text_label("Runs", "title"))
        head.addStretch(1)
        head.addWidget(self._use)
        head.addWidget(self._delete)
        self._empty = EmptyState("No runs yet. Every training you start is listed here.")
        start = self._empty.add_button("Go to Training")
        start.clicked.connect(self.training_requested)
        self.table.setMinimumHeight(220)
        for widget in (self._empty, self._body()):
            self._stack.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 14, 12)
        column.setSpacing(12)
        column.addLayout(head)
        column.addLayout(self._stack, 1)

    def _body(self) -> TwoColumns:
        self.table.setColumnWidth(0, 145)
        return TwoColumns(self.table, self.run_panel, [self.run_panel], 54, 900)

    def _connect(self) -> None:
        self.table.item_selected.connect(self._on_selected)
        self._use.clicked.connect(self._on_use)
        self._delete.clicked.connect(self._on_delete)
        for signal in (self._runs.modelReset, self._runs.rowsInserted, self._runs.rowsRemoved):
            signal.connect(self._show_list)
        self._shown.status.changed.connect(self._show_buttons)

    @Slot(object)
    def _on_selected(self, run: object) -> None:
        if run is not None:
            self.run_selected.emit(run)
        self._show_buttons()

    @Slot()
    def _on_use(self) -> None:
        if self._shown.status.run is not None:
            self.use_setup_requested.emit(self._shown.status.run)

    @Slot()
    def _on_delete(self) -> None:
        if self._shown.status.run is not None:
            self.delete_requested.emit(self._shown.status.run)

    @Slot()
    def _show_list(self) -> None:
        self._stack.setCurrentIndex(1 if self._runs.rowCount() else 0)

    @Slot()
    def _show_buttons(self) -> None:
        run = self._shown.status.run
        is_over = run is not None and run.state.is_over
        self._use.setEnabled(run is not None)
        self._delete.setEnabled(is_over)
        self._use.setToolTip(_USE_HELP if run is not None else _CHOOSE)
        ended = "" if is_over else "It can be deleted once it has ended"
        self._delete.setToolTip(ended if run is not None else _CHOOSE)
