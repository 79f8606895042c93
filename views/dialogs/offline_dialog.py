"""Prepare for offline: which configurations can train without a network, and making them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import QHeaderView

from models.domain.offline_ready import OfflineStatus
from models.qt.offline_model import lacks_text
from views.dialogs.list_dialog import ListDialog, ListLook
from views.widgets.card import text_label
from views.widgets.task_bar import TaskBar

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.qt.offline_model import OfflineModel

_LOOK = ListLook(
    "offline", "Prepare for offline", "Saved configurations",
    "offline#without-a-network", "preparing for offline", QSize(860, 520),
)  # fmt: skip
_WORDS = (
    "Fetches what a configuration needs (environment or image, base model, dataset) and tries it "
    "with the network off. A bundle carries all of it, in one file, to a computer that has none."
)
_NONE = "No configuration is saved yet. Save one, or import a bundle that brings some."
_CHOOSE = "Choose a configuration in the table first"
_WAIT = "Wait for what is going on, or cancel it"
_KEEP_OUT = "A bundle holds programs: import only those from people you trust"


class OfflineDialog(ListDialog):
    """Shows the model.

    Signals:
        prepare_requested: the names (payload) of configurations to make ready.
        export_requested: the names (payload) of those to carry over.
        import_requested: take in a bundle.
        cancel_requested: give up what goes on.
    """

    prepare_requested = Signal(object)
    export_requested = Signal(object)
    import_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, model: OfflineModel, parent: QWidget | None = None) -> None:
        super().__init__(_LOOK, model, parent)
        self._model = model
        self.task = TaskBar("offline.task")
        self._lacks = text_label("", wrap=True)
        self._lacks.setObjectName("offline.lacks")
        self._prepare = self._button("prepare", "Prepare", "primary")
        self._all = self._button("prepare_all", "Prepare all")
        self._export = self._button("export", "Export bundle…")
        self._import = self._button("import", "Import bundle…")
        self._build(
            (self._prepare, self._all),
            (self._export, self._import),
            above=(text_label(_WORDS, "muted", wrap=True),),
            below=(self._lacks, self.task),
        )
        # What is missing may be a long list: it shares the room with the names.
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self._connect()
        self.show_state()

    def _connect(self) -> None:
        self._model.changed.connect(self.show_state)
        self._prepare.clicked.connect(self._on_prepare)
        self._all.clicked.connect(self._on_all)
        self._export.clicked.connect(self._on_export)
        self._import.clicked.connect(self.import_requested)
        self.task.cancel_requested.connect(self.cancel_requested)

    @Slot()
    def show_state(self) -> None:
        """Show what is known, and enable what can be done."""
        model = self._model
        nothing = _NONE if model.is_known else "Looking…"
        self._show_list(nothing, model.note, is_warning=model.is_trouble)
        if model.items and self._selected() is None:
            self.table.select_source_row(0)
        self._show_selected()

    def _selected(self) -> OfflineStatus | None:
        item = self.table.selected_item()
        return item if isinstance(item, OfflineStatus) else None

    def _show_selected(self) -> None:
        one, busy = self._selected(), self._model.is_busy
        # In full, for the table may cut it; what goes on has its place then.
        self._lacks.setText("" if one is None or busy else lacks_text(one))
        self._lacks.setVisible(bool(self._lacks.text()))
        wait = _WAIT if busy else ""
        if busy and self.focusWidget() in (self._prepare, self._all, self._export, self._import):
            self.table.setFocus()  # else a second Return would press Close
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
