"""The Doctor page: everything that a training stands on, with its state and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.domain.doctor import COMPUTER, GRAPHICS, GROUPS, PROGRAM, CheckState
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.check_group import CheckGroup
from views.widgets.flow_row import FlowRow
from views.widgets.help_button import HelpButton
from views.widgets.page_column import ScrollColumn, TwoColumns, reveal
from views.widgets.tab_order import order_tabs

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.qt.doctor_model import DoctorModel
    from views.widgets.check_row import CheckRow

_NOW, _AGAIN, _STOP = "Chec&k now", "Chec&k again", "Sto&p"
_AGAIN_HELP = "Look at everything once more"
_STOP_HELP = "Stop looking; what is known already stays"
_COPY_HELP = "Copy all of this as text, without tokens, your name and your home folder"
_LEFT = (COMPUTER, GRAPHICS, PROGRAM)
_ICONS = {"good": "good", "warning": "warning", "bad": "bad", "": "info"}


class DoctorPanel(QWidget):
    """Shows the doctor's model.

    Signals:
        opened: the page is seen.
        check_requested, stop_requested, report_requested: the buttons.
        remedy_requested: what the program shall do about a check, a key of REMEDIES.
    """

    opened = Signal()
    check_requested = Signal()
    stop_requested = Signal()
    report_requested = Signal()
    remedy_requested = Signal(str)

    def __init__(self, model: DoctorModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._model = model
        self._again = push_button(_AGAIN)
        self._copy = push_button("C&opy report")
        self._banner = QFrame()
        self._icon = QLabel()
        self._summary = text_label("", wrap=True)
        self._go = push_button("", "link")
        self._groups = {title: CheckGroup(title) for title in GROUPS}
        self._current: CheckRow | None = None
        self._shown: CheckRow | None = None
        self._name_parts()
        self._build()
        self._connect()
        self._show()

    def _name_parts(self) -> None:
        self._again.setObjectName("doctor.again")
        self._copy.setObjectName("doctor.copy")
        self._copy.setToolTip(_COPY_HELP)
        self._banner.setObjectName("doctor.banner")
        self._banner.setProperty("role", "banner")
        self._summary.setObjectName("doctor.summary")
        policy = self._go.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the banner keeps its height
        self._go.setSizePolicy(policy)
        self._go.setObjectName("doctor.go")

    def _build(self) -> None:
        left, right = ScrollColumn(), ScrollColumn()
        for title, group in self._groups.items():
            (left if title in _LEFT else right).column.addWidget(group)
        for column in (left, right):
            column.column.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(20, 14, 14, 12)
        page.setSpacing(12)
        page.addLayout(self._head())
        page.addWidget(self._banner)
        page.addWidget(TwoColumns(left, right, (left, right), 50, 760), 1)
        order_tabs(self)

    def _head(self) -> FlowRow:
        head = FlowRow()
        head.addWidget(text_label("Doctor", "title"))
        head.addWidget(HelpButton("doctor", "the doctor"))
        head.add_spring()
        head.addWidget(self._copy)
        head.addWidget(self._again)
        line = QHBoxLayout(self._banner)
        line.setContentsMargins(12, 4, 8, 4)
        line.setSpacing(10)
        line.addWidget(self._icon)
        line.addWidget(self._summary, 1)
        line.addWidget(self._go)
        return head

    def _connect(self) -> None:
        self._again.clicked.connect(self._on_again)
        self._copy.clicked.connect(self.report_requested)
        self._go.clicked.connect(self._on_go)
        for group in self._groups.values():
            group.remedy_requested.connect(self.remedy_requested)
            group.moved.connect(self._on_moved)
        self._model.changed.connect(self._show)
        current_theme().changed.connect(self._show_summary)

    @Slot()
    def _on_again(self) -> None:
        (self.stop_requested if self._model.is_busy else self.check_requested).emit()

    @Slot()
    def _on_go(self) -> None:
        """To the next one that wants attention, problems first, and round again."""
        wanted = self._wanted()
        if not wanted:
            return
        place = wanted.index(self._shown) + 1 if self._shown in wanted else 0
        row = self._shown = wanted[place % len(wanted)]
        self._choose(row)
        row.setFocus()
        reveal(row)

    @Slot(object, int)
    def _on_moved(self, row: CheckRow, step: int) -> None:
        rows = self._rows()
        place = max(0, min(rows.index(row) + step, len(rows) - 1))
        self._choose(rows[place])
        rows[place].setFocus()
        reveal(rows[place])

    @Slot()
    def _show(self) -> None:
        model = self._model
        idle = _AGAIN if model.checks else _NOW
        self._again.setText(_STOP if model.is_busy else idle)
        self._again.setToolTip(_STOP_HELP if model.is_busy else _AGAIN_HELP)
        self._again.setEnabled(model.is_ready)
        self._copy.setEnabled(model.can_report)
        self._show_summary()
        found = dict(model.groups)
        changed = [
            group.show_checks(found.get(title, ())) for title, group in self._groups.items()
        ]  # fmt: skip
        for title, group in self._groups.items():
            group.setVisible(title in found)
        self._show_go()
        if any(changed):
            rows = self._rows()
            self._choose(self._current if self._current in rows else next(iter(rows), None))

    @Slot()
    def _show_summary(self) -> None:
        summary, theme = self._model.summary, current_theme()
        self._summary.setText(summary.text)
        restyle(self._banner, "tone", summary.tone)
        size = theme.icon_size(-2)
        color = getattr(theme.tokens, summary.tone or "accent_text")
        self._icon.setFixedSize(size)
        self._icon.setPixmap(theme.icon(_ICONS[summary.tone], color).pixmap(size))

    def _show_go(self) -> None:
        count, busy = len(self._wanted()), self._model.is_busy
        self._go.setText("Show it" if count == 1 else "Show &next")
        self._go.setToolTip("Go to what wants attention, problems first")
        self._go.setVisible(bool(count) and not busy)

    def _wanted(self) -> list[CheckRow]:
        """The rows that want attention, problems first."""
        rows = [(row, row.check) for row in self._rows() if row.check is not None]
        return [
            row
            for state in (CheckState.FAIL, CheckState.NOTE)
            for row, check in rows
            if check.state is state
        ]

    def _choose(self, current: CheckRow | None) -> None:
        """One row is the stop of the Tab key; from there the arrow keys go on."""
        self._current = current
        for row in self._rows():
            policy = Qt.FocusPolicy
            row.setFocusPolicy(policy.StrongFocus if row is current else policy.ClickFocus)
        order_tabs(self)

    def _rows(self) -> list[CheckRow]:
        return [row for group in self._in_order() for row in group.rows]

    def _in_order(self) -> list[CheckGroup]:
        """As they are seen: the left column, then the right one."""
        return sorted(self._groups.values(), key=lambda group: self._place(group))

    def _place(self, group: CheckGroup) -> int:
        title = group.heading.text()
        return GROUPS.index(title) + (0 if title in _LEFT else len(GROUPS))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.opened.emit()
