"""What is said above a look at a dataset: a start that it refused, and that it is out of date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.domain.data_gate import Remedy, RemedyKind, droppable
from models.qt.learning_words import refusal_words
from models.qt.wording import counted
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.flow_row import FlowRow

if TYPE_CHECKING:
    from models.domain.data_report import DataReport
    from models.qt.learning_model import LearningModel, Refusal


class _Note(QFrame):
    """A banner with an icon, a sentence and room for buttons."""

    def __init__(self, tone: str, name: str) -> None:
        super().__init__()
        self._tone = tone
        self.setProperty("role", "banner")
        self.setProperty("tone", tone)
        self.setObjectName(name)
        self._icon = QLabel()
        self.words = text_label("", wrap=True)
        self.words.setObjectName(f"{name}.words")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        holder = QWidget()
        self.buttons = FlowRow(holder, spacing=8)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(holder)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        current_theme().changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _show_icon(self) -> None:
        theme = current_theme()
        if theme.is_started:
            size = theme.icon_size()
            color = getattr(theme.tokens, self._tone)
            self._icon.setPixmap(theme.icon(self._tone, color).pixmap(size))
            self._icon.setFixedSize(size)


class LearningNotes(QWidget):
    """Takes no room while there is nothing to say.

    Signals:
        again_requested: look with the setup of now.
        remedy_requested: a Finding and a Remedy (payloads) for all that refuses the start.
        start_anyway_requested: start the training that was refused.
        start_requested: start the training, now that nothing stands in its way.
    """

    again_requested = Signal()
    remedy_requested = Signal(object, object)
    start_anyway_requested = Signal()
    start_requested = Signal()

    def __init__(self, model: LearningModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._refused = _Note("bad", "learning.refusal")
        self._stale = _Note("warning", "learning.stale")
        self._clear = _Note("good", "learning.clear")
        self._problem = _Note("bad", "learning.problem")
        self._again = push_button("&Look again")
        self._again.setObjectName("learning.again")
        self._again.setToolTip("Look with the setup as it is now (F5)")
        self._drop = push_button("", "primary")
        self._drop.setObjectName("learning.drop_all")
        self._anyway = push_button("&Start anyway")
        self._anyway.setObjectName("learning.start_anyway")
        self._anyway.setToolTip("The trainer leaves out rows of which nothing would be learnt")
        self._start = push_button("&Start training", "primary")
        self._start.setObjectName("learning.start")
        self._build()
        self._start.clicked.connect(self.start_requested)
        self._again.clicked.connect(self.again_requested)
        self._drop.clicked.connect(self._on_drop)
        self._anyway.clicked.connect(self.start_anyway_requested)
        model.subject_changed.connect(self._on_subject)
        model.report_changed.connect(self.show_notes)
        self.show_notes()

    def _build(self) -> None:
        self._refused.buttons.addWidget(self._drop)
        self._refused.buttons.addWidget(self._anyway)
        self._stale.buttons.addWidget(self._again)
        self._clear.words.setText("Nothing stands in the way of the training any more.")
        self._clear.buttons.addWidget(self._start)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._refused)
        column.addWidget(self._stale)
        column.addWidget(self._clear)
        column.addWidget(self._problem)
        self._problem.hide()

    @Slot()
    def show_notes(self) -> None:
        """Show what there is to say now."""
        refusal, stale = self._model.refusal, self._model.stale
        report, words = self._model.report.report, self._problem.words.text()
        is_solved = refusal is not None and refusal.is_past
        is_clear = is_solved and report is not None and not report.has_major
        was_clear = self._clear.isVisible()
        stands = refusal is not None and not (is_solved and (report is None or is_clear))
        if refusal is not None and stands:
            self._show_refusal(refusal, report)
        self._stale.words.setText(stale)
        for note, shown in (
            (self._stale, bool(stale)),
            (self._refused, stands and not stale),
            (self._clear, is_clear and not stale),
            (self._problem, bool(words)),
        ):
            note.setVisible(shown)
        self.setVisible(bool(stale or stands or is_clear or words))
        if self._clear.isVisible() and not was_clear:
            self._start.setFocus()  # what was pressed for it is gone

    def _show_refusal(self, refusal: Refusal, report: DataReport | None) -> None:
        left = refusal_words(self._model.findings, is_past=True)
        self._refused.words.setText(left if refusal.is_past else refusal.message)
        self._anyway.setVisible(refusal.may_start)
        self._show_drop(report)

    def take_focus(self) -> bool:
        """Put the focus on the first thing that can be done about a refusal, if there is one."""
        offered = [one for one in (self._drop, self._anyway) if one.isVisible()]
        for button in offered[:1]:
            button.setFocus()
        return bool(offered)

    def show_problem(self, words: str) -> None:
        """Say why a remedy could not be had, until something else is looked at."""
        self._problem.words.setText(words)
        self.show_notes()

    @Slot()
    def _on_subject(self) -> None:
        self._problem.words.setText("")
        self.show_notes()

    def _show_drop(self, report: DataReport | None) -> None:
        codes = droppable(report) if report is not None else ()
        self._drop.setVisible(bool(codes))
        if report is not None and codes:
            count = sum(one.count for one in report.findings if one.code in codes)
            self._drop.setText(f"Leave out {counted(count, 'row')}")

    @Slot()
    def _on_drop(self) -> None:
        report = self._model.report.report
        if report is not None:
            remedy = Remedy(RemedyKind.DROP, self._drop.text(), codes=droppable(report))
            self.remedy_requested.emit(None, remedy)
