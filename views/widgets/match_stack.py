"""A page's table, or in its place that nothing of it matches the search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget

from views.widgets.empty_state import EmptyState

if TYPE_CHECKING:
    from views.widgets.list_table import ListTable


class MatchStack(QStackedWidget):
    """Nobody stands before an empty table: ``words`` say why it is, ``button`` leads back.
    ``prefix`` begins its widgets' names.

    Signals:
        show_all_requested: search for nothing.
    """

    show_all_requested = Signal()

    def __init__(self, prefix: str, table: ListTable[Any], words: str, button: str) -> None:
        super().__init__()
        self._table = table
        nothing = EmptyState(words)
        nothing.setObjectName(f"{prefix}.no_match")
        show_all = nothing.add_button(button)
        show_all.setObjectName(f"{prefix}.show_all")
        show_all.clicked.connect(self.show_all_requested)
        self.addWidget(table)
        self.addWidget(nothing)

    def show_match(self) -> None:
        """Show what the filter leaves."""
        left = self._table.filter
        is_empty = left.rowCount() == 0 and left.is_filtering
        self.setCurrentIndex(1 if is_empty else 0)
