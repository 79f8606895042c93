"""What a model will learn from a dataset: each row with its loss mask, and all rows in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from models.qt.learning_model import Looking
from views.dialogs.learning_head import HELP_TOPIC, LearningHead
from views.theme import current_theme
from views.widgets.card import restyle
from views.widgets.empty_state import EmptyState
from views.widgets.learning_notes import LearningNotes
from views.widgets.learning_report import LearningReport
from views.widgets.learning_row import LearningRow
from views.widgets.mode_switch import ModeSwitch
from views.widgets.task_bar import TaskBar

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QResizeEvent, QShowEvent

    from models.domain.errors import AppError
    from models.qt.learning_model import LearningModel, Subject

_SIZE = QSize(1120, 740)
_NARROW = 860
"""Pixels at text of the normal size below which row and numbers stand one behind the other."""
_RIGHT = 380
_OF_ROW = "bad_dataset"
_NO_ENVIRONMENT = (
    "Rows are looked at by the training environment, which is not set up yet.\n"
    "It is downloaded once and takes a few gigabytes."
)


class LearningDialog(QDialog):
    """Not modal: the setup can be changed beside it. Shows the model; wishes leave as signals.

    Signals:
        row_requested: the number of a row, from 0 (payload).
        random_requested, trouble_requested: some other row; the next with a finding.
        remedy_requested: a Finding and what to do about it (payloads).
        count_requested, stop_requested: look at all rows; give that up.
        again_requested: look with the setup of now.
        template_chosen: the Path (payload) of a chat template to look with.
        own_template_requested: look with the model's own.
        trouble_action_requested: the kind of the AppError that keeps us from looking.
        start_anyway_requested: start the training that was refused.
        start_requested: start it, now that nothing stands in its way.
        task_cancel_requested: give up leaving rows out.
        help_requested: the topic to open the guide at.
        closed: nobody looks any more.
    """

    row_requested = Signal(object)
    random_requested = Signal()
    trouble_requested = Signal()
    remedy_requested = Signal(object, object)
    count_requested = Signal()
    stop_requested = Signal()
    again_requested = Signal()
    template_chosen = Signal(object)
    own_template_requested = Signal()
    trouble_action_requested = Signal(str)
    start_anyway_requested = Signal()
    start_requested = Signal()
    task_cancel_requested = Signal()
    help_requested = Signal(str)
    closed = Signal()

    def __init__(self, model: LearningModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("learning.dialog")
        self.setWindowTitle("What it will learn")
        self._model = model
        self._has_focus = False
        self._shown: Subject | None = None
        self.head = LearningHead(model)
        self.notes = LearningNotes(model)
        self.task = TaskBar("learning.task")
        self.row = LearningRow(model)
        self.report = LearningReport(model)
        self._switch = ModeSwitch("learning.part", (("row", "Row by row"), ("all", "All rows")))
        self._parts = QSplitter(Qt.Orientation.Horizontal)
        self._trouble = EmptyState("")
        self._action = self._trouble.add_button("", "primary")
        self._again = self._trouble.add_button("Try again")
        self._pages = QStackedWidget()
        self._name_parts()
        self._build()
        self._connect()
        self.show_subject()

    def _name_parts(self) -> None:
        for name, part in (
            ("trouble", self._trouble.sentence),
            ("trouble.action", self._action),
            ("trouble.again", self._again),
        ):
            part.setObjectName(f"learning.{name}")

    def _build(self) -> None:
        self._parts.setHandleWidth(16)
        self._parts.setChildrenCollapsible(False)
        self._parts.addWidget(self.row)
        self._parts.addWidget(self.report)
        self._parts.setStretchFactor(0, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._switch)
        column.addWidget(self._parts, 1)
        self._pages.addWidget(body)
        self._pages.addWidget(self._trouble)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 16, 20, 16)
        outer.setSpacing(12)
        outer.addWidget(self.head)
        outer.addWidget(self.notes)
        outer.addWidget(self.task)
        outer.addWidget(self._pages, 1)
        size = self._first_size()
        self.resize(size)
        right = round(_RIGHT * self._scale())
        self._parts.setSizes([max(1, size.width() - right), right])
        self._fit()

    def _connect(self) -> None:
        row, report = self.row, self.report
        row.row_requested.connect(self.row_requested)
        row.random_requested.connect(self.random_requested)
        row.trouble_requested.connect(self.trouble_requested)
        report.row_requested.connect(self._on_row_of_finding)
        report.remedy_requested.connect(self.remedy_requested)
        report.count_requested.connect(self.count_requested)
        report.stop_requested.connect(self.stop_requested)
        self.notes.again_requested.connect(self.again_requested)
        self.notes.remedy_requested.connect(self.remedy_requested)
        self.notes.start_anyway_requested.connect(self.start_anyway_requested)
        self.notes.start_requested.connect(self.start_requested)
        self.task.cancel_requested.connect(self.task_cancel_requested)
        self.head.template_chosen.connect(self.template_chosen)
        self.head.own_template_requested.connect(self.own_template_requested)
        self._action.clicked.connect(self._on_action)
        self._again.clicked.connect(self.again_requested)
        self._switch.chosen.connect(self._on_part)
        self._model.subject_changed.connect(self.show_subject)
        self._model.row_changed.connect(self._on_row_changed)
        current_theme().changed.connect(self._fit)
        for keys, slot in (
            ("Alt+Left", row.go_back),
            ("Alt+Right", row.go_forward),
            ("Ctrl+G", row.ask_number),
            ("Ctrl+J", self.random_requested),
            ("F3", self.trouble_requested),
            ("F5", self.again_requested),
            ("F1", self._on_help),
            ("Ctrl+W", self.close),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    @Slot()
    def show_subject(self) -> None:
        """Show what is looked at."""
        subject = self._model.subject
        if subject is None:
            return
        self.setWindowTitle(f"What it will learn — {subject.session.name}")
        self._show_trouble()
        if subject is not self._shown:
            self._shown = subject
            is_refused = self._model.refusal is not None
            self.show_part("all" if is_refused else "row")

    def show_part(self, part: str) -> None:
        """Show ``row`` or ``all`` where both have no room beside each other."""
        self._switch.show_mode(part)
        self._fit()

    @Slot()
    def _on_row_changed(self) -> None:
        """The first text takes the focus, so that the arrow keys go over its tokens; after a
        refusal what can be done about it does.
        """
        self._show_trouble()
        row = self._model.row
        if not self._has_focus and (row.texts or row.raw):
            self._has_focus = True
            if not self.notes.take_focus():
                self.row.text.setFocus()

    def _show_trouble(self) -> None:
        """What keeps us from looking at all takes the place of row and numbers."""
        row = self._model.row
        error = row.error if row.state is Looking.FAILED else None
        if error is None or error.kind == _OF_ROW:
            self._pages.setCurrentIndex(0)
            return
        words = (_NO_ENVIRONMENT,) if error.kind == "runtime_missing" else _said(error)
        self._trouble.sentence.setText("\n".join(words))
        label = ACTIONS.get(error.kind, "")
        self._action.setText(label)
        self._action.setVisible(bool(label))
        restyle(self._again, "role", "" if label else "primary")
        self._pages.setCurrentIndex(1)
        self._has_focus = False  # the text takes it, once there is one
        (self._action if label else self._again).setFocus()

    @Slot()
    def _fit(self) -> None:
        """Both parts side by side, or one at a time where there is little room."""
        is_narrow = self.width() < _NARROW * self._scale()
        self._switch.setVisible(is_narrow)
        shows_row = self._switch.mode == "row"
        self.row.setVisible(not is_narrow or shows_row)
        self.report.setVisible(not is_narrow or not shows_row)
        self.report.setMinimumWidth(0 if is_narrow else round(280 * self._scale()))

    def _scale(self) -> float:
        return current_theme().scale

    def _first_size(self) -> QSize:
        wanted = _SIZE * min(1.6, self._scale())
        if QGuiApplication.platformName() == "offscreen":  # its screen is 800 x 800
            return wanted.boundedTo(QSize(1280, 800))
        return wanted.boundedTo(self.screen().availableSize() * 0.95)

    @Slot(str)
    def _on_part(self, _part: str) -> None:
        self._fit()

    @Slot(object)
    def _on_row_of_finding(self, number: int) -> None:
        self.show_part("row")
        self.row_requested.emit(number)

    @Slot()
    def _on_action(self) -> None:
        error = self._model.row.error
        if error is not None:
            self.trouble_action_requested.emit(error.kind)

    @Slot()
    def _on_help(self) -> None:
        self.help_requested.emit(HELP_TOPIC)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._has_focus = False
        self._on_row_changed()
        # A child window of the main one would always lie in front of it.
        handle = self.windowHandle()
        if handle is not None:
            handle.setTransientParent(None)  # type: ignore[arg-type]

    def done(self, result: int) -> None:
        """Escape and the window's own button end it alike."""
        super().done(result)
        self.closed.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed.emit()


def _said(error: AppError) -> tuple[str, ...]:
    return tuple(filter(None, (error.message, error.hint)))


ACTIONS = {
    "runtime_missing": "Set it up",
    "image_missing": "Manage images…",
    "docker": "Manage images…",
    "auth": "Open Settings",
    "no_model": "Choose a base model",
}
"""By the kind of what keeps us from looking: the button that does something about it."""
