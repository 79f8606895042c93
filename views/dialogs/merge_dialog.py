"""Asks how much of each dataset goes into a merged one, and shows what comes of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from models.qt.merge_plan import MergePlan, rows_taken
from views.dialogs.growing import grow_to_fit
from views.dialogs.plan_dialog import PlanDialog
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.number_text import number_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QShowEvent

    from models.domain.dataset import DatasetSession

_TITLES = ("Dataset", "Rows", "Licence", "Weight", "Gives")
_NOTE = "Weight 1 takes all rows once, 2 takes each of them twice, 0.5 takes half of them."
_MOST_SHOWN = 8
"""So many datasets are seen without scrolling."""


class MergeDialog(PlanDialog):
    """The datasets themselves stay as they are; the plan is a MergePlan."""

    def __init__(
        self, sessions: Sequence[DatasetSession], name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__("merge", "Merge datasets", "Merge", parent)
        self._sessions = tuple(sessions)
        self._weights = [QLineEdit("1") for _ in sessions]
        self._taken = [text_label() for _ in sessions]
        self._name = QLineEdit(name)
        self._shuffle = QCheckBox("Shu&ffle the rows")
        self._licences = text_label("", "muted", wrap=True)
        self._lines = QWidget()
        self._area = self._table()
        self._setup()
        self._build()
        self._show_plan()
        self._weights[0].selectAll()
        self._weights[0].setFocus()

    @property
    def plan(self) -> MergePlan:
        """What is asked for now."""
        weights = [number_in(line.text()) for line in self._weights]
        return MergePlan(
            tuple(zip(self._sessions, weights, strict=True)),
            self._name.text().strip(),
            self._seed_number,
            self._shuffle.isChecked(),
        )

    def _setup(self) -> None:
        for place, (session, line) in enumerate(zip(self._sessions, self._weights, strict=True)):
            line.setObjectName(f"merge.weight.{place}")
            line.setAccessibleName(f"Weight of {session.name}")
            line.textChanged.connect(self._on_change)
        self._name.setObjectName("merge.name")
        self._name.setMaxLength(120)
        self._name.textChanged.connect(self._on_change)
        self._shuffle.setObjectName("merge.shuffle")
        self._shuffle.setChecked(True)
        self._shuffle.setToolTip("Otherwise the datasets stand one behind the other")
        self._seed.setToolTip("The same seed takes the same rows in the same order")
        self._seed.textChanged.connect(self._on_change)
        self._licences.setObjectName("merge.licences")

    def _build(self) -> None:
        heading = text_label(f"Merge {len(self._sessions)} datasets", "heading", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(heading)
        column.addWidget(self._area)
        column.addWidget(text_label(_NOTE, "muted", wrap=True))
        column.addLayout(self._options())
        column.addWidget(self._words)
        column.addWidget(self._licences)
        column.addStretch(1)
        column.addWidget(self._buttons)
        self.setMinimumWidth(round(560 * current_theme().scale))

    def _table(self) -> QScrollArea:
        content = self._lines
        content.setObjectName("column")
        grid = QGridLayout(content)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for place, title in enumerate(_TITLES):
            side = right if title in {"Rows", "Gives"} else Qt.AlignmentFlag.AlignVCenter
            grid.addWidget(text_label(title, "muted"), 0, place, side)
        lines = zip(self._sessions, self._weights, self._taken, strict=True)
        for row, (session, weight, taken) in enumerate(lines, start=1):
            name = ElidedLabel()
            name.setText(session.name)
            name.setMinimumWidth(120)
            weight.setFixedWidth(weight.fontMetrics().horizontalAdvance("100.00") + 26)
            grid.addWidget(name, row, 0)
            grid.addWidget(text_label(f"{session.rows:,}"), row, 1, right)
            grid.addWidget(text_label(session.licence or "unknown"), row, 2)
            grid.addWidget(weight, row, 3)
            grid.addWidget(taken, row, 4, right)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields scroll themselves into sight
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        return area

    def showEvent(self, event: QShowEvent) -> None:
        """As high as its rows, now that the style has said how high these are."""
        content = self._lines
        for weight in self._weights:
            weight.ensurePolished()
        grid = content.layout()
        if grid is not None:
            grid.invalidate()
        lines = len(self._sessions) + 1
        height = content.sizeHint().height() * min(lines, _MOST_SHOWN + 1) / lines
        self._area.setFixedHeight(math.ceil(height))
        self._area.setMinimumWidth(content.sizeHint().width() + 14)
        super().showEvent(event)
        grow_to_fit(self)

    def _options(self) -> QGridLayout:
        name, seed = QLabel("&Name"), QLabel("&Seed")
        name.setBuddy(self._name)
        seed.setBuddy(self._seed)
        order = QHBoxLayout()
        order.setSpacing(10)
        order.addWidget(self._seed, 1)
        order.addWidget(self._shuffle, 2)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        grid.addWidget(name, 0, 0)
        grid.addWidget(self._name, 0, 1)
        grid.addWidget(seed, 1, 0)
        grid.addLayout(order, 1, 1)
        return grid

    def _show_plan(self) -> None:
        plan = self.plan
        for label, (session, weight) in zip(self._taken, plan.weighted, strict=True):
            label.setText(rows_taken(session, weight))
        self._licences.setText(plan.licences)
        self._licences.setVisible(bool(plan.licences))
        super()._show_plan()
