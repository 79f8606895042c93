"""The Datasets page: the library in a table, what is known of the selected one, and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from views.dataset_actions import DatasetActions
from views.panels.dataset_strip import DatasetStrip
from views.panels.datasets_list import DatasetsList
from views.panels.rows_view import RowsView
from views.theme import current_theme
from views.widgets.action_bar import ActionBar
from views.widgets.banner import NoticeBanner
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState
from views.widgets.tab_order import order_tabs
from views.widgets.task_bar import TaskBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
    from PySide6.QtWidgets import QMenu

    from models.domain.dataset import DatasetSession
    from models.qt.datasets_model import DatasetsModel
    from models.qt.rows_model import DatasetRowsModel

_LOW = 560
"""Below this height, the rows need the room more than the facts over them do."""
_EMPTY = (
    "No datasets yet. A dataset holds the examples that a model learns from.\n"
    "Drop a file or a folder here, or import one: JSON, CSV, Parquet, text and more."
)
_NO_MODIFIER = Qt.KeyboardModifier.NoModifier
_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class DatasetsPanel(QWidget):
    """Datasets, and a look into one. What can be done with them is in ``actions_``.

    Signals:
        import_requested, sample_requested: bring rows in.
        learning_requested: show what a model would learn of this DatasetSession (payload).
    """

    import_requested = Signal()
    sample_requested = Signal()
    learning_requested = Signal(object)

    def __init__(
        self, datasets: DatasetsModel, rows: DatasetRowsModel, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._datasets = datasets
        self._rows = rows
        self.list = DatasetsList(datasets)
        self.table = self.list.table
        self.strip = DatasetStrip()
        self.rows = RowsView(rows)
        self.actions_ = DatasetActions(self)
        self.banner = NoticeBanner(name="datasets.notice")
        self.environment = TaskBar("datasets.environment")
        self.importing = TaskBar("datasets.importing")
        self.task = TaskBar("datasets.task")
        self._bar = ActionBar(
            self.actions_.menu, "Everything that can be done with the selected datasets"
        )
        self._import = push_button("&Import…", "primary")
        self._import.setObjectName("datasets.import")
        self._empty = EmptyState(_EMPTY)
        self._first_import = self._empty.add_button("Import…", "primary")
        self._first_import.setObjectName("datasets.import_first")
        self._empty.add_button("Use the sample").clicked.connect(self.sample_requested)
        self._keys = {
            (Qt.Key.Key_F2, _NO_MODIFIER): self.actions_.rename.trigger,
            (Qt.Key.Key_F, _CTRL): self._edit_search,
            (Qt.Key.Key_G, _CTRL): self.rows.edit_number,
            (Qt.Key.Key_F3, _NO_MODIFIER): self.rows.find_next,
            (Qt.Key.Key_F3, _SHIFT): self._find_previous,
            (Qt.Key.Key_Z, _CTRL): self.actions_.undo.trigger,
        }
        self._stack = QStackedLayout()
        self._build()
        self._connect()
        self._show_list()
        order_tabs(self)

    @Slot(object)
    def select(self, session: DatasetSession) -> None:
        """Select a dataset, and so show its rows; what hides it is no longer searched for."""
        if self.table.filter.is_filtering and session not in self.table.shown_items():
            self.list.search.clear()
        self.table.select_items((session.id,))

    def show_row(self, session: DatasetSession, number: int) -> None:
        """Select a dataset and go to one of its rows (from 0)."""
        self.select(session)
        self.rows.show_row(number)

    def set_import_menu(self, menu: QMenu) -> None:
        """Let the import buttons offer the ways to import."""
        self._import.setMenu(menu)
        self._first_import.setMenu(menu)

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(text_label("Datasets", "title"))
        head.addWidget(self._bar, 1)
        head.addWidget(self._import)
        self._bar.add("datasets.use", "Trai&n on it", self.actions_.use)
        self._bar.add("datasets.learning", "What it will learn…", self.actions_.learning)
        self._bar.add("datasets.delete", "Delete", self.actions_.delete)
        self._bar.more.setObjectName("datasets.more")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 20, 12)
        column.setSpacing(12)
        column.addLayout(head)
        for widget in (self.banner, self.environment, self.importing, self.task):
            column.addWidget(widget)
        column.addLayout(self._stack, 1)
        for page in (self._empty, self._body()):  # now: a stack of no widget shows them as windows
            self._stack.addWidget(page)

    def _body(self) -> QSplitter:
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.strip)
        column.addWidget(self.rows, 1)
        body = QSplitter(Qt.Orientation.Vertical)
        body.setHandleWidth(14)
        body.setChildrenCollapsible(False)
        body.addWidget(self.list)
        body.addWidget(below)
        body.setStretchFactor(0, 2)
        body.setStretchFactor(1, 3)
        return body

    def _connect(self) -> None:
        for button in (self._import, self._first_import):
            button.clicked.connect(self._on_import)
        actions = self.actions_
        actions.sample_requested.connect(self.sample_requested)
        actions.learning_requested.connect(self.learning_requested)
        self.table.items_selected.connect(self._on_selected)
        self.table.menu_requested.connect(self._on_menu)
        self.table.delete_requested.connect(actions.delete.trigger)
        model = self._datasets
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._show_list)
        model.dataChanged.connect(self._show_selected)

    @Slot(object)
    def _on_selected(self, sessions: tuple[DatasetSession, ...]) -> None:
        chosen = sessions[0] if len(sessions) == 1 else None
        shown = self._rows.session
        if chosen is None or shown is None or shown.id != chosen.id:
            self.rows.find_cancelled.emit()
            self.rows.forget()
            self._rows.show_session(chosen)
        self._show_selected()

    @Slot()
    def _show_selected(self) -> None:
        sessions = self.table.selected_sessions()
        self.actions_.show_sessions(sessions)
        self.strip.show_sessions(sessions)

    @Slot()
    def _on_import(self) -> None:
        if self._import.menu() is None:
            self.import_requested.emit()

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.actions_.menu.popup(place)

    @Slot()
    def _show_list(self) -> None:
        has_any = self._datasets.rowCount() > 0
        self._stack.setCurrentIndex(1 if has_any else 0)
        self._import.setVisible(has_any)
        self._bar.setVisible(has_any)
        if has_any:
            self.list.select_newest()
        self._show_selected()

    def _edit_search(self) -> None:
        self.list.search.setFocus()
        self.list.search.selectAll()

    def _find_previous(self) -> None:
        self.rows.find_next(True)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_list()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.strip.set_brief(self.height() < _LOW * current_theme().scale)

    def event(self, event: QEvent) -> bool:
        # F2 is the window's own for configurations: on this page it is this page's.
        if event.type() == QEvent.Type.ShortcutOverride and self._own_key(event) is not None:  # type: ignore[arg-type]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        act = self._own_key(event)
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def _own_key(self, event: QKeyEvent) -> Callable[[], None] | None:
        return self._keys.get((Qt.Key(event.key()), event.modifiers()))
