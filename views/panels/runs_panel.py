"""The Runs page: every run in a table, and beside it the selected one, or several compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QStackedWidget, QVBoxLayout, QWidget

from views.panels.compare_panel import ComparePanel
from views.panels.run_bar import RunBar
from views.panels.run_details import RunDetails
from views.panels.run_panel import RunPanel
from views.panels.runs_list import RunsList
from views.run_actions import RunActions
from views.widgets.banner import NoticeBanner
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState
from views.widgets.page_column import TwoColumns
from views.widgets.tab_order import order_tabs
from views.widgets.task_bar import TaskBar

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent

    from models.domain.run import Run
    from models.qt.compare_model import CompareModel
    from models.qt.queue_model import QueueModel
    from models.qt.run_models import RunModels
    from models.qt.runs_model import RunsModel

_LEFT_PERCENT, _LEFT_MOST, _NARROW = 58, 1120, 1100


class RunsPanel(QWidget):
    """Runs, and one of them with its chart, log and inference, or a few beside each other.

    Signals:
        opened: the page is shown; what another program did meanwhile may be read.
        run_selected: the Run (payload) to show, or None.
        runs_compared: the runs (a tuple) to compare; empty where not several are selected.
        training_requested: go to the Training page.
    """

    opened = Signal()
    run_selected = Signal(object)
    runs_compared = Signal(object)
    training_requested = Signal()

    def __init__(
        self, runs: RunsModel, queue: QueueModel, shown: RunModels, compared: CompareModel
    ) -> None:
        super().__init__()
        self.setObjectName("page")
        self._runs = runs
        self._queue = queue
        self._shown = shown
        self.list = RunsList(runs, queue)
        self.table = self.list.table
        self.details = RunDetails()
        self.run_panel = RunPanel("runs")
        self.run_panel.attach(shown)
        self.run_panel.column.insertWidget(0, self.details)
        self.compare = ComparePanel(compared)
        self.actions_ = RunActions(self)
        self.banner = NoticeBanner(name="runs.notice")
        self.exporting = TaskBar("runs.exporting")
        self._bar = RunBar(self.actions_)
        self._right = QStackedWidget()
        self._stack = QStackedLayout()
        self._build()
        self._connect()
        self._show_list()
        self._show_buttons()
        order_tabs(self)

    def selected_runs(self) -> tuple[Run, ...]:
        """The runs that actions are for."""
        return self.list.selected_runs()

    @Slot(object)
    def select(self, run: Run) -> None:
        """Select a run, wherever it stands."""
        if self._queue.row_of(run.id) >= 0:
            self.list.queue.select(run.id)
        else:
            self.table.select_items((run.id,))

    def finish(self) -> None:
        """Report what was typed and not reported yet."""
        self.details.finish()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(text_label("Runs", "title"))
        head.addWidget(self._bar, 1)
        self._empty = EmptyState("No runs yet. Every training you start is listed here.")
        start = self._empty.add_button("Go to Training")
        start.clicked.connect(self.training_requested)
        self._right.addWidget(self.run_panel)
        self._right.addWidget(self.compare)
        columns = [self.run_panel, self.compare]
        body = TwoColumns(self.list, self._right, columns, _LEFT_PERCENT, _LEFT_MOST, _NARROW)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 14, 12)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.banner)
        column.addWidget(self.exporting)
        column.addLayout(self._stack, 1)
        for widget in (self._empty, body):  # now: a stack of no widget shows them as windows
            self._stack.addWidget(widget)

    def _connect(self) -> None:
        self.list.runs_selected.connect(self._on_selected)
        self.table.menu_requested.connect(self._on_menu)
        self.table.delete_requested.connect(self.actions_.delete.trigger)
        runs = self._runs
        for signal in (runs.modelReset, runs.rowsInserted, runs.rowsRemoved, self._queue.changed):
            signal.connect(self._show_list)
        for signal in (runs.modelReset, runs.dataChanged):
            signal.connect(self._show_buttons)
        self._shown.status.changed.connect(self._show_details)
        self.actions_.rename_requested.connect(self.edit_name)

    @Slot(object)
    def _on_selected(self, runs: tuple[Run, ...]) -> None:
        several = len(runs) > 1
        self._right.setCurrentWidget(self.compare if several else self.run_panel)
        self.compare.show_selected(len(runs))
        self.runs_compared.emit(runs if several else ())
        if not several:
            self.run_selected.emit(runs[0] if runs else None)
        self._show_buttons()

    @Slot()
    def edit_name(self) -> None:
        """Put the cursor into the name of the selected run."""
        if self.actions_.rename.isEnabled():
            self.details.edit_name()

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.actions_.menu.popup(place)

    @Slot()
    def _show_list(self) -> None:
        has_any = self._runs.rowCount() > 0 or self._queue.rowCount() > 0
        self._stack.setCurrentIndex(1 if has_any else 0)
        self._bar.setVisible(has_any)
        if has_any and self.isVisible():
            self.list.select_newest()

    @Slot()
    def _show_details(self) -> None:
        self.details.set_known_tags(self._runs.tags())
        self.details.show_run(self._shown.status.run)

    @Slot()
    def _show_buttons(self) -> None:
        self.actions_.show_runs(self.selected_runs())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.list.select_newest()
        self.opened.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.finish()

    def event(self, event: QEvent) -> bool:
        # F2 is the window's own for configurations: on this page it is this page's.
        if event.type() == QEvent.Type.ShortcutOverride and _own_key(event) is not None:  # type: ignore[arg-type]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = _own_key(event)
        if key == Qt.Key.Key_F2:
            self.edit_name()
        elif key == Qt.Key.Key_F:
            self.list.search.setFocus()
            self.list.search.selectAll()
        else:
            super().keyPressEvent(event)


def _own_key(event: QKeyEvent) -> Qt.Key | None:
    """F2, or the F of Ctrl+F; the page has no other keys of its own."""
    if event.key() == Qt.Key.Key_F2 and not event.modifiers():
        return Qt.Key.Key_F2
    with_ctrl = event.modifiers() == Qt.KeyboardModifier.ControlModifier
    return Qt.Key.Key_F if event.key() == Qt.Key.Key_F and with_ctrl else None
