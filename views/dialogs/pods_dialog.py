"""The rented pods of this installation: what each does and costs, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from models.domain.pod_rows import PodRow
from views.dialogs.dialog_size import fit_to_screen
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.empty_state import EmptyState
from views.widgets.help_button import HelpButton
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.qt.pods_model import PodsModel

_SIZE = QSize(860, 420)
_CHOOSE = "Choose a pod in the table first"
_UNKNOWN = "No rented pod is known here, and Runpod could not be asked."
_NO_SSH = "It has no public address with SSH: look into it through Runpod's console"


class PodsDialog(QDialog):
    """Shows the model; every wish leaves as a signal. Closing it ends nothing.

    Signals:
        refresh_requested: ask Runpod now.
        end_requested, console_requested: a PodRow (payload) to end, once asked about; to open.
        copied: the SSH command was put on the clipboard.
    """

    refresh_requested = Signal()
    end_requested = Signal(object)
    console_requested = Signal(object)
    copied = Signal()

    def __init__(self, model: PodsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pods.dialog")
        self.setWindowTitle("Rented pods")
        self._model = model
        self.table = ItemTable("pods.table", "Rented pods", model)
        self._empty = EmptyState("")
        self._empty.sentence.setObjectName("pods.empty")
        self._pages = QStackedWidget()
        self._note = text_label("", "muted", wrap=True)
        self._note.setObjectName("pods.note")
        self._end = self._button("end", "End pod…")
        self._console = self._button("open_console", "Open in console")
        self._ssh = self._button("copy_ssh", "Copy SSH command")
        self._refresh = self._button("refresh", "Refresh")
        self._refresh.setToolTip("Ask Runpod again (F5)")
        self._build()
        self._connect()
        fit_to_screen(self, _SIZE)  # else the wrapped texts alone decide how high it is
        self.show_state()

    def _button(self, name: str, text: str) -> QPushButton:
        button = push_button(text)
        button.setObjectName(f"pods.{name}")
        return button

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(text_label("Rented pods", "title"))
        head.addStretch(1)
        head.addWidget(HelpButton("targets#runpod", "rented pods"))
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self._end, self._console, self._ssh):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._refresh)
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self._pages, 1)
        column.addWidget(self._note)
        column.addLayout(row)
        column.addWidget(box)

    def _connect(self) -> None:
        self.table.item_selected.connect(self._on_selected)
        self._model.changed.connect(self.show_state)
        self._end.clicked.connect(self._on_end)
        self._console.clicked.connect(self._on_console)
        self._ssh.clicked.connect(self._on_ssh)
        self._refresh.clicked.connect(self.refresh_requested)
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
        is_first = model.is_looking and model.asked is None
        nothing = _UNKNOWN if model.problem else "No pod of this installation is rented."
        self._empty.sentence.setText("Looking…" if is_first else nothing)
        self._note.setText("Asking Runpod…" if model.is_looking else model.note)
        restyle(self._note, "role", "warning" if model.problem else "muted")
        self._note.setVisible(bool(self._note.text()))
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
        is_ending = row is not None and row.id in self._model.ending
        self._end.setText("Ending…" if is_ending else "End pod…")
        self._end.setEnabled(row is not None and not is_ending)
        self._end.setToolTip(nothing or "End it now, and its cost with it")
        self._console.setEnabled(row is not None)
        self._console.setToolTip(nothing or "Open this pod on Runpod's web site")
        has_ssh = row is not None and bool(row.ssh_command)
        self._ssh.setEnabled(has_ssh)
        self._ssh.setToolTip(nothing or ("Put it on the clipboard" if has_ssh else _NO_SSH))

    @Slot(object)
    def _on_selected(self, _item: object) -> None:
        self._show_selected()

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

    def showEvent(self, event: QShowEvent) -> None:
        """Tab begins with the pods, and no button looks chosen before it."""
        super().showEvent(event)
        if not event.spontaneous():
            first = self.table if self._model.items else self._refresh
            first.setFocus(Qt.FocusReason.OtherFocusReason)
