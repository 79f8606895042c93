"""Asks how much of a dataset to hold out, and shows what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from models.domain.dataset import HELD_OUT_SPLIT
from models.qt.split_plan import PERCENT, ROWS, SplitPlan
from views.dialogs.growing import grow_to_fit
from views.dialogs.plan_dialog import PlanDialog
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox
from views.widgets.number_text import number_in

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.domain.dataset import DatasetSession

_USUAL_PERCENT = "10"
"""A tenth: what most tutorials hold out of a dataset that has no split of its own."""
_AS_SPLIT = f"To measure with it, type {HELD_OUT_SPLIT} as the held-out split on the Training page."
_AS_TWO = "Two new datasets; train on the larger one, and keep the other one for later."


class SplitDialog(PlanDialog):
    """The dataset itself stays as it is; the plan is a SplitPlan."""

    def __init__(self, session: DatasetSession, parent: QWidget | None = None) -> None:
        super().__init__("split", "Split off", "Split off", parent)
        self._session = session
        self._amount = QLineEdit(_USUAL_PERCENT)
        self._unit = CalmComboBox()
        self._as = CalmComboBox()
        self._as_note = text_label("", "muted", wrap=True)
        self._setup()
        self._build()
        self._show_plan()
        self._amount.selectAll()
        self._amount.setFocus()

    @property
    def plan(self) -> SplitPlan:
        """What is asked for now."""
        return SplitPlan(
            self._session,
            number_in(self._amount.text()),
            str(self._unit.currentData()),
            bool(self._as.currentData()),
            self._seed_number,
        )

    def _setup(self) -> None:
        self._unit.addItem("% of the rows", PERCENT)
        self._unit.addItem("rows", ROWS)
        self._as.addItem("One dataset with two splits", True)
        self._as.addItem("Two datasets", False)
        self._seed.setToolTip("The same seed holds the same rows out")
        named = {"amount": self._amount, "unit": self._unit, "as": self._as}
        for name, widget in named.items():
            widget.setObjectName(f"split.{name}")
        self._amount.setAccessibleName("How much to hold out")
        self._unit.setAccessibleName("Percent or rows")
        self._as.setAccessibleName("What to make")
        self._seed.setAccessibleName("Seed")
        for line in (self._amount, self._seed):
            line.textChanged.connect(self._on_change)
        for combo in (self._unit, self._as):
            combo.currentIndexChanged.connect(self._on_change)

    def _build(self) -> None:
        heading = text_label(f"Split off from {self._session.name}", "heading", wrap=True)
        heading.setMinimumWidth(round(440 * current_theme().scale))
        amount = QHBoxLayout()
        amount.setSpacing(6)
        amount.addWidget(self._amount, 1)
        amount.addWidget(self._unit, 2)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        buddies = {"&Hold out": self._amount, "&As": self._as, "&Seed": self._seed}
        for (words, buddy), line in zip(buddies.items(), (0, 1, 3), strict=True):
            label = QLabel(words)
            label.setBuddy(buddy)
            grid.addWidget(label, line, 0)
        grid.addLayout(amount, 0, 1)
        grid.addWidget(self._as, 1, 1)
        grid.addWidget(self._as_note, 2, 1)
        grid.addWidget(self._seed, 3, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(heading)
        column.addWidget(text_label("The dataset itself stays as it is.", "muted"))
        column.addLayout(grid)
        column.addWidget(self._words)
        column.addStretch(1)
        column.addWidget(self._buttons)

    def _show_plan(self) -> None:
        self._as_note.setText(_AS_SPLIT if self.plan.as_split else _AS_TWO)
        super()._show_plan()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        grow_to_fit(self)
