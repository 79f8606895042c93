"""The left side of the Runs page: search and filters, the queue, and the table of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from models.qt.runs_filter import STATE_GROUPS
from views.panels.queue_card import QueueCard
from views.theme import current_theme
from views.widgets.fields import CalmComboBox
from views.widgets.match_stack import MatchStack
from views.widgets.runs_table import RunsTable
from views.widgets.search_line import SearchLine

if TYPE_CHECKING:
    from models.domain.run import Run
    from models.qt.queue_model import QueueModel
    from models.qt.runs_model import RunsModel

ALL_TAGS = "All tags"
_NO_MATCH = "No run matches the search."
_LEAST_TABLE = 220


class RunsList(QWidget):
    """Runs to choose from: those of the queue, or of the table, never both.

    Signals:
        runs_selected: the selected runs (a tuple).
    """

    runs_selected = Signal(object)

    def __init__(self, runs: RunsModel, queue: QueueModel) -> None:
        super().__init__()
        self._runs = runs
        tip = "Words of the name, model, dataset, notes, tags or state"
        self.search = SearchLine("runs.search", "Search the runs", tip)
        self._states = CalmComboBox()
        self._tags = CalmComboBox()
        self.table = RunsTable(runs)
        self.queue = QueueCard(queue)
        self._stack = MatchStack("runs", self.table, _NO_MATCH, "Show all runs")
        self._setup_filters()
        self._build()
        self._connect()
        self._show_tags()

    def selected_runs(self) -> tuple[Run, ...]:
        """What is selected, in the table or in the queue."""
        waiting = self.queue.selected_run()
        return self.table.selected_runs() or ((waiting,) if waiting is not None else ())

    def select_newest(self) -> None:
        """Select the newest run, unless something is selected already."""
        if not self.selected_runs():
            self.table.select_first()

    def _setup_filters(self) -> None:
        self._states.setObjectName("runs.state")
        self._states.setAccessibleName("State of the runs to show")
        self._states.addItems(list(STATE_GROUPS))
        self._tags.setObjectName("runs.tag")
        self._tags.setAccessibleName("Tag of the runs to show")

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        tools.addWidget(self._states)
        tools.addWidget(self._tags)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(tools)
        column.addWidget(self.queue)
        column.addWidget(self._stack, 1)

    def _connect(self) -> None:
        self._stack.show_all_requested.connect(self.show_all)
        self.search.textChanged.connect(self._on_text)
        self.search.returnPressed.connect(self._on_return)
        self._states.textActivated.connect(self._on_state)
        self._tags.textActivated.connect(self._on_tag)
        self.table.items_selected.connect(self._on_table_selected)
        self.queue.run_selected.connect(self._on_queue_selected)
        current_theme().changed.connect(self._fit)
        self._fit()
        runs = self._runs
        for signal in (runs.modelReset, runs.rowsInserted, runs.rowsRemoved, runs.dataChanged):
            signal.connect(self._show_tags)

    @Slot()
    def show_all(self) -> None:
        """Search for nothing, and show every state and tag."""
        self.search.clear()
        self._states.setCurrentIndex(0)
        self._tags.setCurrentIndex(0)
        self._on_state(self._states.currentText())
        self._on_tag(ALL_TAGS)
        self.search.setFocus()

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.table.filter.set_text(text)
        self._show_match()

    @Slot()
    def _on_return(self) -> None:
        self.table.setFocus()
        self.select_newest()

    @Slot(str)
    def _on_state(self, group: str) -> None:
        self.table.filter.set_states(group)
        self._show_match()

    @Slot(str)
    def _on_tag(self, tag: str) -> None:
        self.table.filter.set_tag("" if tag == ALL_TAGS else tag)
        self._show_match()

    @Slot(object)
    def _on_table_selected(self, runs: tuple[Run, ...]) -> None:
        if runs:
            self.queue.clear_selection()
        self.runs_selected.emit(self.selected_runs())

    @Slot(object)
    def _on_queue_selected(self, run: object) -> None:
        if run is not None:
            self.table.clearSelection()
        self.runs_selected.emit(self.selected_runs())

    @Slot()
    def _show_tags(self) -> None:
        known, shown = [ALL_TAGS, *self._runs.tags()], self._tags.currentText()
        if [self._tags.itemText(place) for place in range(self._tags.count())] != known:
            self._tags.clear()
            self._tags.addItems(known)
            self._tags.setCurrentIndex(max(0, self._tags.findText(shown)))
            self._on_tag(self._tags.currentText())
        self._tags.setVisible(len(known) > 1)
        self._show_match()

    @Slot()
    def _fit(self) -> None:
        self._stack.setMinimumHeight(round(_LEAST_TABLE * current_theme().scale))

    @Slot()
    def _show_match(self) -> None:
        self._stack.show_match()
