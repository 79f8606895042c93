"""The rented pods of this installation: what each does and costs, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHeaderView

from models.domain.pod_rows import PodRow
from views.dialogs.list_dialog import ListDialog, ListLook
from views.widgets.card import text_label

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.qt.pods_model import PodsModel

_LOOK = ListLook(
    "pods", "Rented pods", "Rented pods", "targets#runpod", "rented pods", QSize(960, 440)
)
_NAMES = 3
"""The first columns: run, state and GPU."""
_CHOOSE = "Choose a pod in the table first"
_UNKNOWN = "No rented pod is known here, and Runpod could not be asked."
_NO_PAGE = "Runpod has not said yet whether there is one"
_NO_SSH = "It has no public address with SSH: look into it through Runpod's console"


class PodsDialog(ListDialog):
    """Shows the model.

    Signals:
        refresh_requested (of the base class): ask Runpod now.
        end_requested, console_requested: a PodRow (payload) to end, once asked about; to open.
        copied: the SSH command was put on the clipboard.
    """

    end_requested = Signal(object)
    console_requested = Signal(object)
    copied = Signal()

    def __init__(self, model: PodsModel, parent: QWidget | None = None) -> None:
        super().__init__(_LOOK, model, parent)
        self._model = model
        self._end = self._button("end", "End pod…")
        self._console = self._button("open_console", "Open in console")
        self._ssh = self._button("copy_ssh", "Copy SSH command")
        self._refresh = self._button("refresh", "Refresh")
        self._refresh.setToolTip("Ask Runpod again (F5)")
        self._line = text_label("", wrap=True)
        self._line.setObjectName("pods.line")
        self._build((self._end, self._console, self._ssh), (self._refresh,), below=(self._line,))
        for place in range(_NAMES):  # however long names are, what it costs stays in sight
            header = self.table.horizontalHeader()
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        self._connect()
        self.show_state()

    def _connect(self) -> None:
        self._model.changed.connect(self.show_state)
        self._end.clicked.connect(self._on_end)
        self._console.clicked.connect(self._on_console)
        self._ssh.clicked.connect(self._on_ssh)
        self._refresh.clicked.connect(self.refresh_requested)

    @Slot()
    def show_state(self) -> None:
        """Show what is known, and enable what can be done."""
        model = self._model
        is_first = model.is_looking and model.asked is None
        nothing = _UNKNOWN if model.problem else "No pod of this installation is rented."
        note = "Asking Runpod…" if model.is_looking else model.note
        is_warning = bool(model.problem)
        self._show_list("Looking…" if is_first else nothing, note, is_warning=is_warning)
        self._refresh.setEnabled(not model.is_looking)
        if len(model.items) == 1 and self._selected() is None:
            self.table.select_source_row(0)
        self._show_selected()

    def _selected(self) -> PodRow | None:
        item = self.table.selected_item()
        return item if isinstance(item, PodRow) else None

    def _show_selected(self) -> None:
        row = self._selected()
        nothing = "" if row is not None else _CHOOSE
        self._line.setText("" if row is None else self._model.line(row))
        self._line.setVisible(row is not None)
        is_ending = row is not None and row.id in self._model.ending
        self._end.setText("Ending…" if is_ending else "End pod…")
        self._end.setEnabled(row is not None and not is_ending)
        self._end.setToolTip(nothing or "End it now, and its cost with it")
        has_page = row is not None and row.id != row.name
        self._console.setEnabled(has_page)
        self._console.setToolTip(
            nothing or ("Open this pod on Runpod's web site" if has_page else _NO_PAGE)
        )
        has_ssh = row is not None and bool(row.ssh_command)
        self._ssh.setEnabled(has_ssh)
        self._ssh.setToolTip(nothing or ("Put it on the clipboard" if has_ssh else _NO_SSH))

    @Slot()
    def _on_end(self) -> None:
        row = self._selected()
        if row is not None:
            self.end_requested.emit(row)

    @Slot()
    def _on_console(self) -> None:
        row = self._selected()
        if row is not None:
            self.console_requested.emit(row)

    @Slot()
    def _on_ssh(self) -> None:
        row = self._selected()
        if row is not None and row.ssh_command:
            QGuiApplication.clipboard().setText(row.ssh_command)
            self.copied.emit()
