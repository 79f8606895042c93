"""A dialog with one table: what stands in its place where it is empty, a note, what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from views.dialogs.dialog_size import fit_to_screen
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.empty_state import EmptyState
from views.widgets.flow_row import FlowRow
from views.widgets.help_button import HelpButton
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QShowEvent

    from models.qt.table_model import ItemTableModel


@dataclass(frozen=True, slots=True)
class ListLook:
    """What a ListDialog is like: ``name`` begins the names of its widgets, ``rows`` says what the
    table holds, ``topic`` and ``about`` are its help button's, ``size`` is in pixels for text of
    the normal size."""

    name: str
    title: str
    rows: str
    topic: str
    about: str
    size: QSize


class ListDialog(QDialog):
    """Shows the items of a model; every wish leaves as a signal. Closing it ends nothing.

    A subclass makes its buttons, lays them out with ``_build``, and shows its state through
    ``_show_list`` and ``_show_selected``.

    Signals:
        refresh_requested: look again at what there is.
    """

    refresh_requested = Signal()

    def __init__(
        self, look: ListLook, items: ItemTableModel[Any], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{look.name}.dialog")
        self.setWindowTitle(look.title)
        self._look = look
        self._items = items
        self.table = ItemTable(f"{look.name}.table", look.rows, items)
        self._empty = EmptyState("")
        self._empty.sentence.setObjectName(f"{look.name}.empty")
        self._pages = QStackedWidget()
        self._note = text_label("", "muted", wrap=True)
        self._note.setObjectName(f"{look.name}.note")
        self.table.item_selected.connect(self._on_selected)
        # The window's own keys do not reach a window of its own.
        QShortcut(QKeySequence("F5"), self).activated.connect(self.refresh_requested)

    def _button(self, name: str, text: str, role: str = "") -> QPushButton:
        button = push_button(text, role)
        button.setObjectName(f"{self._look.name}.{name}")
        return button

    def _build(
        self,
        left: Sequence[QPushButton],
        right: Sequence[QPushButton],
        *,
        above: Sequence[QWidget] = (),
        below: Sequence[QWidget] = (),
    ) -> None:
        """Lay all out: ``above`` and ``below`` the table, and the buttons in one row where it
        is wide enough. The last one has the focus where there are no rows."""
        self._without_rows = right[-1]
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        row = FlowRow()
        for button in left:
            row.addWidget(button)
        row.add_spring()
        for button in right:
            row.addWidget(button)
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addLayout(self._head())
        for widget in above:
            column.addWidget(widget)
        column.addWidget(self._pages, 1)
        for widget in (*below, self._note):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(box)
        fit_to_screen(self, self._look.size)  # else the wrapped texts alone decide how high it is

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.addWidget(text_label(self._look.title, "title"))
        head.addStretch(1)
        head.addWidget(HelpButton(self._look.topic, self._look.about))
        return head

    def _show_list(self, nothing: str, note: str, *, is_warning: bool) -> None:
        """Show the rows, or that there is ``nothing``, and the ``note`` below, if there is one."""
        has_rows = bool(self._items.items)
        appears = has_rows and self._pages.currentWidget() is not self.table
        self._pages.setCurrentWidget(self.table if has_rows else self._empty)
        if appears:  # nobody's Return presses what had the focus in its place
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self._empty.sentence.setText(nothing)
        self._note.setText(note)
        restyle(self._note, "role", "warning" if is_warning else "muted")
        self._note.setVisible(bool(note))

    def _show_selected(self) -> None:
        """Enable what can be done with the selected item."""

    @Slot(object)
    def _on_selected(self, _item: object) -> None:
        self._show_selected()

    def showEvent(self, event: QShowEvent) -> None:
        """Tab begins with the rows, and no button looks chosen before it."""
        super().showEvent(event)
        if not event.spontaneous():
            first = self.table if self._items.items else self._without_rows
            first.setFocus(Qt.FocusReason.OtherFocusReason)
