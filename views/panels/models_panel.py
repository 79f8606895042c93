"""The Models page: every base model, how much of it is here, and getting more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from views.model_actions import ModelActions
from views.panels.model_strip import ModelStrip
from views.theme import current_theme
from views.widgets.action_bar import ActionBar
from views.widgets.banner import NoticeBanner
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState
from views.widgets.flow_row import FlowRow
from views.widgets.help_button import HelpButton
from views.widgets.match_stack import MatchStack
from views.widgets.models_table import ModelsTable
from views.widgets.search_line import SearchLine
from views.widgets.tab_order import order_tabs
from views.widgets.task_bar import TaskBar

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent

    from models.domain.cached_model import CachedModel
    from models.qt.models_model import ModelsModel

_GAP, _MARGIN = 8, 20
"""Pixels between the parts of the head, and beside the page."""
_MORE_ROWS = 2
"""Rows that the list shows beyond its least height before the details beneath it have room."""
_NO_MATCH = "No model matches the search."
_LOOKING = "Looking…"
_NONE = "No base model is known. Add a folder, or download a model by its name."


class ModelsPanel(QWidget):
    """Base models to choose from. What can be done with one is in ``actions_``.

    Signals:
        opened: the page is seen; what is on the disk may have changed.
    """

    opened = Signal()

    def __init__(self, models: ModelsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.actions_ = ModelActions(self)
        tip = "Words of the name, the licence, or gated, open, complete, incomplete, damaged"
        self.search = SearchLine("models.search", "Search the models", tip)
        self.only_here = QCheckBox("On this computer &only")
        self.table = ModelsTable(models)
        self.strip = ModelStrip()
        self.banner = NoticeBanner(name="models.notice")
        self.task = TaskBar("models.task")
        self._repo = QLineEdit()
        self._get = push_button("Do&wnload")
        self._add = push_button("&Add a folder…")
        self._bar = ActionBar(
            self.actions_.menu, "Everything that can be done with the selected model"
        )
        self._stack = MatchStack("models", self.table, _NO_MATCH, "Show all models")
        self._models = models
        self._none = EmptyState(_LOOKING)
        self._none.sentence.setObjectName("models.none")
        self._stack.addWidget(self._none)
        self._is_offline = False
        self._title = text_label("Models", "title")
        self._help = HelpButton("models", "base models")
        self._name_parts()
        self._build()
        self._connect(models)
        self._show_list()
        order_tabs(self)

    @Slot(object)
    def select(self, model: CachedModel) -> None:
        """Select a model; what hides it is no longer searched for."""
        if model.key not in {one.key for one in self.table.shown_items()}:
            self.search.clear()
            self.only_here.setChecked(False)
        self.table.select_model(model.key)

    def set_offline(self, offline: bool) -> None:
        """Offer no download that would need the network."""
        self._is_offline = offline
        self.actions_.set_state(offline=offline)
        self._show_get()

    def set_busy(self, busy: bool) -> None:
        """One long task at a time."""
        self.actions_.set_state(busy=busy)
        self._show_get()
        self._fit_strip()

    def _name_parts(self) -> None:
        self.only_here.setObjectName("models.only_here")
        self.only_here.setToolTip("Hide what nothing of is on this computer")
        self._repo.setObjectName("models.repo")
        self._repo.setAccessibleName("Another model of Hugging Face")
        self._repo.setPlaceholderText("user/name")
        self._repo.setToolTip("Any model of Hugging Face, by its name there")
        self._get.setObjectName("models.get")
        self._add.setObjectName("models.add")
        self._add.setToolTip(self.actions_.add.toolTip())
        self._bar.more.setObjectName("models.more")

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(_GAP)
        head.addWidget(self._title)
        head.addWidget(self._bar, 1)
        head.addWidget(self._add)
        head.addWidget(self._help)
        self._bar.add("models.use", "Trai&n on it", self.actions_.use)
        self._bar.add("models.verify", "Verify", self.actions_.verify)
        self._download = self._bar.add("models.download", "Download", self.actions_.download)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, 14, _MARGIN, 12)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.banner)
        column.addWidget(self.task)
        column.addLayout(self._search_row())
        column.addWidget(self._stack, 1)
        column.addWidget(self.strip)
        column.addLayout(self._get_row())

    def _search_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.search, 1)
        row.addWidget(self.only_here)
        return row

    def _get_row(self) -> FlowRow:
        row = FlowRow()
        label = text_label("Another &model of Hugging Face")
        label.setBuddy(self._repo)
        row.addWidget(label)
        row.add_growing(self._repo)
        row.addWidget(self._get)
        return row

    def _connect(self, models: ModelsModel) -> None:
        actions = self.actions_
        self._stack.show_all_requested.connect(self.show_all)
        self.search.textChanged.connect(self._on_filter)
        self.search.returnPressed.connect(self._on_return)
        self.only_here.toggled.connect(self._on_filter)
        self.table.item_selected.connect(self._show_selected)
        self.table.menu_requested.connect(self._on_menu)
        self.table.delete_requested.connect(actions.remove.trigger)
        self._add.clicked.connect(actions.add.trigger)
        self._repo.textChanged.connect(self._show_get)
        self._repo.returnPressed.connect(self._on_get)
        self._get.clicked.connect(self._on_get)
        current_theme().changed.connect(self._fit_head)
        models.modelReset.connect(self._on_known)
        for signal in (models.modelReset, models.rowsInserted, models.rowsRemoved):
            signal.connect(self._show_list)

    @Slot()
    def show_all(self) -> None:
        """Search for nothing."""
        self.search.clear()
        self.only_here.setChecked(False)
        self.search.setFocus()

    @Slot()
    def _show_selected(self) -> None:
        model = self.table.selected_model()
        self.actions_.show_model(model)
        self._download.setText(self.actions_.download.text().replace("&", ""))
        self.strip.show_model(model)
        self._fit_strip()

    @Slot()
    def _fit_head(self) -> None:
        """Where there is no room for it, adding a folder is in the menu, which has everything."""
        parts = (self._title, self._bar.more, self._add, self._help)
        needed = sum(part.sizeHint().width() + _GAP for part in parts)
        self._add.setVisible(self.width() - 2 * _MARGIN >= needed)

    def _fit_strip(self) -> None:
        """In a low window the list matters more than the details of what is selected in it."""
        layout = self.layout()
        is_known = self.table.selected_model() is not None
        self.strip.setVisible(is_known)
        if layout is not None and is_known:
            needed = layout.totalMinimumHeightForWidth(self.width())
            more_rows = _MORE_ROWS * self.table.verticalHeader().defaultSectionSize()
            self.strip.setVisible(self.height() >= needed + more_rows)

    @Slot()
    def _show_get(self) -> None:
        reason = "" if self._repo.text().strip() else "Type the name of a model first"
        busy = "" if not self.task.isVisible() else "Wait for what is going on, or cancel it"
        offline = "Offline mode is on: nothing is downloaded" if self._is_offline else ""
        reason = offline or busy or reason
        self._get.setEnabled(not reason)
        self._get.setToolTip(reason or "Fetch it; it goes on where it was, should it be cut short")

    @Slot()
    def _on_known(self) -> None:
        """What there is has been looked at."""
        self._none.sentence.setText(_NONE)

    @Slot()
    def _show_list(self) -> None:
        self._stack.show_match()
        if not self._models.rowCount():
            self._stack.setCurrentWidget(self._none)
        if self.table.selected_model() is None and self.table.filter.rowCount():
            self.table.selectRow(0)
        self._show_selected()

    @Slot()
    def _on_filter(self) -> None:
        self.table.filter.set_filter(self.search.text(), only_here=self.only_here.isChecked())
        self._show_list()

    @Slot()
    def _on_return(self) -> None:
        self.table.setFocus()

    @Slot()
    def _on_get(self) -> None:
        if self._get.isEnabled():
            self.actions_.download_requested.emit(self._repo.text().strip())
            self._repo.clear()

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.actions_.menu.popup(place)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_get()
        self.opened.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_head()
        self._fit_strip()

    def event(self, event: QEvent) -> bool:
        # Ctrl+F is this page's while it is shown.
        if event.type() == QEvent.Type.ShortcutOverride and _is_find(event):  # type: ignore[arg-type]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_find(event):
            self.search.setFocus()
            self.search.selectAll()
        else:
            super().keyPressEvent(event)


def _is_find(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_F and event.modifiers() == Qt.KeyboardModifier.ControlModifier
