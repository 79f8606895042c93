"""Prepare for offline: which configurations can train without a network, and making them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from models.domain.offline_ready import OfflineStatus
from views.dialogs.dialog_size import fit_to_screen
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.empty_state import EmptyState
from views.widgets.help_button import HelpButton
from views.widgets.item_table import ItemTable
from views.widgets.task_bar import TaskBar

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.qt.offline_model import OfflineModel

_SIZE = QSize(860, 520)
_WORDS = (
    "Fetches what a configuration needs (environment or image, base model, dataset) and tries it "
    "with the network off. A bundle carries all of it, in one file, to a computer that has none."
)
_NONE = "No configuration is saved yet. Save one, or import a bundle that brings some."
_CHOOSE = "Choose a configuration in the table first"
_WAIT = "Wait for what is going on, or cancel it"
_KEEP_OUT = "A bundle holds programs: import only those from people you trust"


class OfflineDialog(QDialog):
    """Shows the model; every wish leaves as a signal. Closing it ends nothing.

    Signals:
        prepare_requested: the names (payload) of configurations to make ready.
        export_requested: the names (payload) of those to carry over.
        import_requested: take in a bundle.
        refresh_requested: look again at what is here.
        cancel_requested: give up what goes on.
    """

    prepare_requested = Signal(object)
    export_requested = Signal(object)
    import_requested = Signal()
    refresh_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, model: OfflineModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("offline.dialog")
        self.setWindowTitle("Prepare for offline")
        self._model = model
        self.table = ItemTable("offline.table", "Saved configurations", model)
        self._empty = EmptyState("")
        self._empty.sentence.setObjectName("offline.empty")
        self._pages = QStackedWidget()
        self.task = TaskBar("offline.task")
        self._note = text_label("", "muted", wrap=True)
        self._note.setObjectName("offline.note")
        self._prepare = self._button("prepare", "Prepare", "primary")
        self._all = self._button("prepare_all", "Prepare all")
        self._export = self._button("export", "Export bundle…")
        self._import = self._button("import", "Import bundle…")
        self._build()
        self._connect()
        fit_to_screen(self, _SIZE)  # else the wrapped texts alone decide how high it is
        self.show_state()

    def _button(self, name: str, text: str, role: str = "") -> QPushButton:
        button = push_button(text, role)
        button.setObjectName(f"offline.{name}")
        return button

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(text_label("Prepare for offline", "title"))
        head.addStretch(1)
        head.addWidget(HelpButton("offline#without-a-network", "preparing for offline"))
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        # What is missing may be a long list: it shares the room with the names.
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self._prepare, self._all):
            row.addWidget(button)
        row.addStretch(1)
        for button in (self._export, self._import):
            row.addWidget(button)
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(text_label(_WORDS, "muted", wrap=True))
        column.addWidget(self._pages, 1)
        column.addWidget(self.task)
        column.addWidget(self._note)
        column.addLayout(row)
        column.addWidget(box)

    def _connect(self) -> None:
        self.table.item_selected.connect(self._on_selected)
        self._model.changed.connect(self.show_state)
        self._prepare.clicked.connect(self._on_prepare)
        self._all.clicked.connect(self._on_all)
        self._export.clicked.connect(self._on_export)
        self._import.clicked.connect(self.import_requested)
        self.task.cancel_requested.connect(self.cancel_requested)
        # The window's own keys do not reach a window of its own.
        QShortcut(QKeySequence("F5"), self).activated.connect(self.refresh_requested)

    @Slot()
    def show_state(self) -> None:
        """Show what is known, and enable what can be done."""
        model = self._model
        appears = bool(model.items) and self._pages.currentWidget() is not self.table
        self._pages.setCurrentWidget(self.table if model.items else self._empty)
        if appears:  # nobody's Return presses what had the focus in its place
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self._empty.sentence.setText(_NONE if model.is_known else "Looking…")
        self._note.setText(model.note)
        restyle(self._note, "role", "warning" if model.is_trouble else "muted")
        self._note.setVisible(bool(model.note))
        if model.items and self._selected() is None:
            self.table.select_source_row(0)
        self._show_selected()

    def _selected(self) -> OfflineStatus | None:
        item = self.table.selected_item()
        return item if isinstance(item, OfflineStatus) else None

    def _show_selected(self) -> None:
        one, busy = self._selected(), self._model.is_busy
        wait = _WAIT if busy else ""
        for button, needs_one, words in (
            (self._prepare, True, "Fetch what the chosen one needs, and try it"),
            (self._all, False, "Fetch what all of them need, and try each"),
            (self._export, True, "Write the chosen one and all that it needs into one file"),
        ):
            is_there = one is not None if needs_one else bool(self._model.items)
            button.setEnabled(is_there and not busy)
            button.setToolTip(wait or (words if is_there else _CHOOSE))
        self._import.setEnabled(not busy)
        self._import.setToolTip(wait or _KEEP_OUT)

    @Slot(object)
    def _on_selected(self, _item: object) -> None:
        self._show_selected()

    @Slot()
    def _on_prepare(self) -> None:
        one = self._selected()
        if one is not None:
            self.prepare_requested.emit((one.config,))

    @Slot()
    def _on_all(self) -> None:
        self.prepare_requested.emit(tuple(one.config for one in self._model.items))

    @Slot()
    def _on_export(self) -> None:
        one = self._selected()
        if one is not None:
            self.export_requested.emit((one.config,))

    def showEvent(self, event: QShowEvent) -> None:
        """Tab begins with the configurations, and no button looks chosen before it."""
        super().showEvent(event)
        if not event.spontaneous():
            first = self.table if self._model.items else self._import
            first.setFocus(Qt.FocusReason.OtherFocusReason)
