"""A card of the Doctor page: the checks of one group, one beneath the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from views.widgets.card import Card
from views.widgets.check_row import CheckRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.doctor import Check


class CheckGroup(Card):
    """Rows stay where they are while what they say changes, and so does the focus in them.

    Signals:
        moved: the CheckRow (payload) that has the focus, and by how many rows it shall go.
        remedy_requested: what the program can do about a check.
    """

    moved = Signal(object, int)
    remedy_requested = Signal(str)

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.setObjectName(f"section.doctor.{title.lower().replace(' ', '_')}")
        self.body.setContentsMargins(10, 14, 12, 12)
        self.body.setSpacing(2)
        self.tools.setContentsMargins(6, 0, 0, 0)
        self.rows: list[CheckRow] = []

    def show_checks(self, checks: Sequence[Check]) -> bool:
        """Show these; returns whether there are more or fewer than before."""
        count = len(self.rows)
        for check in checks[count:]:
            self._add_row(check)
        for row in self.rows[len(checks) :]:
            self.body.removeWidget(row)
            row.hide()
            row.deleteLater()
        del self.rows[len(checks) :]
        for row, check in zip(self.rows, checks, strict=True):
            row.show_check(check)
        return len(checks) != count

    def _add_row(self, check: Check) -> None:
        row = CheckRow(self)
        row.show_check(check)
        row.moved.connect(self._on_moved)
        row.remedy_requested.connect(self.remedy_requested)
        self.rows.append(row)
        self.body.addWidget(row)

    @Slot(int)
    def _on_moved(self, step: int) -> None:
        self.moved.emit(self.sender(), step)
