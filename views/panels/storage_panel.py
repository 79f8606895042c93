"""The Storage page: what takes room on the disk, and what of it can go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from models.domain.storage import StoredKind
from models.qt.storage_words import KIND_TITLES
from models.qt.wording import counted, size
from views.dialogs.question_dialog import QuestionDialog
from views.panels.clean_card import CleanCard
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import Card, restyle, show_if, text_label
from views.widgets.empty_state import EmptyState
from views.widgets.help_button import HelpButton
from views.widgets.memory_parts import MemoryTrack, Piece
from views.widgets.page_column import ScrollColumn, TwoColumns, reveal
from views.widgets.storage_tables import KindsTable, StoredTable, VerdictsTable, kind_color
from views.widgets.tab_order import order_tabs

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.domain.storage import StoredItem
    from models.qt.storage_model import StorageModel

_LEAST_TABLE = 260
_ASIDE = 6
"""Pixels that a column leaves for its scroll bar."""
_FOLDER_HELP = "Show it in the file manager"
_PINNABLE = (StoredKind.CHECKPOINT, StoredKind.RUN, StoredKind.RESULT)


class StoragePanel(QWidget):
    """Shows the storage's model.

    Signals:
        opened: the page is seen.
        look_requested: count everything again.
        rules_chosen: RetentionRules (payload).
        clean_requested: the CleanPlan (payload) that was shown, and agreed to.
        pin_requested: a StoredItem (payload), to pin it or to leave it to the rules again.
        folder_requested: the path of what shall be shown in the system's file manager.
    """

    opened = Signal()
    look_requested = Signal()
    rules_chosen = Signal(object)
    clean_requested = Signal(object)
    pin_requested = Signal(object)
    folder_requested = Signal(str)

    def __init__(self, model: StorageModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._model = model
        self._again = push_button("Look &again")
        self._sentence = text_label("", wrap=True)
        self._problems = text_label("", "muted", wrap=True)
        self._track = MemoryTrack()
        self.kinds = KindsTable(model.kinds)
        self.clean = CleanCard(model)
        self.items = StoredTable(model.items)
        self.verdicts = VerdictsTable(model.verdicts)
        self._asked = model.plan
        self._lists = QStackedWidget()
        self._list = Card("Everything")
        self._folder = push_button("&Open folder", "link")
        self._pin = push_button("&Pin", "link")
        self._back = push_button("Show everyth&ing", "link")
        self._unknown = EmptyState("")
        self._try_again = self._unknown.add_button("Tr&y again", "primary")
        self._name_parts()
        self._build()
        self._connect()
        self._show()

    def _name_parts(self) -> None:
        self._again.setObjectName("storage.again")
        self._sentence.setObjectName("storage.sentence")
        self._problems.setObjectName("storage.problems")
        self._track.setAccessibleName("What takes room on the disk")
        self._list.heading.setObjectName("storage.title")
        self._folder.setObjectName("storage.folder")
        self._pin.setObjectName("storage.pin")
        self._back.setObjectName("storage.back")
        self._back.setToolTip("Leave the list of what goes and what stays")
        self._unknown.sentence.setObjectName("storage.unknown")
        self._try_again.setObjectName("storage.try_again")
        self._try_again.setToolTip("Look at the disk once more")

    def _build(self) -> None:
        left = ScrollColumn()
        disk = Card("Disk")
        disk.body.addWidget(self._sentence)
        disk.body.addWidget(self._track)
        disk.body.addWidget(self.kinds)
        disk.body.addWidget(self._problems)
        left.column.addWidget(disk)
        left.column.addWidget(self.clean)
        left.column.addStretch(1)
        for button in (self._back, self._folder, self._pin):
            self._list.tools.addWidget(button)
        for table in (self.items, self.verdicts):
            table.setMinimumHeight(_LEAST_TABLE)
            self._lists.addWidget(table)
        self._lists.addWidget(self._unknown)
        self._list.body.addWidget(self._lists, 1)
        page = QVBoxLayout(self)
        page.setContentsMargins(20, 14, 14, 12)
        page.setSpacing(12)
        page.addLayout(self._head())
        page.addWidget(TwoColumns(left, self._right(), (left,), 41, 520), 1)
        order_tabs(self)

    def _right(self) -> QWidget:
        """The list, which ends where the column does that scrolls."""
        right = QWidget()
        right.setObjectName("column")
        box = QVBoxLayout(right)
        box.setContentsMargins(0, 0, _ASIDE, 0)
        box.addWidget(self._list)
        return right

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, _ASIDE, 0)
        head.setSpacing(8)
        head.addWidget(text_label("Storage", "title"))
        head.addWidget(HelpButton("storage", "storage"))
        head.addStretch(1)
        head.addWidget(self._again)
        return head

    def _connect(self) -> None:
        for button in (self._again, self._try_again):
            button.clicked.connect(self.look_requested)
        self.kinds.kind_chosen.connect(self._on_kind)
        self.items.chosen.connect(self._show_tools)
        self._folder.clicked.connect(self._on_folder)
        self._pin.clicked.connect(self._on_pin)
        self._back.clicked.connect(self._on_back)
        self.clean.rules_chosen.connect(self.rules_chosen)
        self.clean.preview_requested.connect(self._on_preview)
        self.clean.clean_requested.connect(self._on_clean)
        self._model.changed.connect(self._show)
        current_theme().changed.connect(self._show_track)

    @property
    def shows_plan(self) -> bool:
        """Whether the list is of what goes and what stays."""
        return self._lists.currentWidget() is self.verdicts

    @Slot(object)
    def _on_kind(self, kind: StoredKind | None) -> None:
        self._lists.setCurrentWidget(self.items)
        self._model.choose(kind)

    @Slot()
    def _on_preview(self) -> None:
        self._lists.setCurrentWidget(self.verdicts)
        self.kinds.clearSelection()
        self._show()
        reveal(self._list)  # in a narrow window it lies below

    @Slot()
    def _on_back(self) -> None:
        self._on_kind(None)

    @Slot()
    def _on_folder(self) -> None:
        item = self.items.selected()
        if item is not None and item.place:
            self.folder_requested.emit(item.place)

    @Slot()
    def _on_pin(self) -> None:
        item = self.items.selected()
        if item is not None:
            self.pin_requested.emit(item)

    @Slot()
    def _on_clean(self) -> None:
        """What goes is in sight while it is asked for."""
        self._on_preview()
        plan = self._model.plan
        what = counted(len(plan.going), "item")
        text = (
            f"{what} will be removed, which frees {size(plan.bytes)}. That cannot be undone. "
            "The list shows each of them with the reason."
        )
        self._asked = plan
        question = QuestionDialog(
            "Clean up", text, [("remove", f"Remove {what}")], self.window(), risky=True
        )
        question.answered.connect(self._on_answered)
        question.open()

    @Slot(str)
    def _on_answered(self, _word: str) -> None:
        self.clean_requested.emit(self._asked)

    @Slot()
    def _show(self) -> None:
        model = self._model
        is_busy = model.is_looking or model.is_cleaning
        self._again.setEnabled(model.is_ready and not is_busy)
        self._again.setText("Looking…" if model.is_looking else "Look &again")
        self._sentence.setText(model.sentence)
        restyle(self._sentence, "role", "error" if model.has_failed else "")
        problems = model.report.problems if model.report is not None else ()
        self._problems.setText("\n".join(problems))
        show_if(self._problems, bool(problems))
        for widget in (self._track, self.kinds):
            show_if(widget, model.report is not None)
        self._show_unknown()
        title = "What goes and what stays" if self.shows_plan else model.title
        self._list.heading.setText(title)
        show_if(self._back, self.shows_plan)
        if not self.shows_plan:
            self.kinds.show_kind(model.kind)
        self._show_track()
        self._show_tools()

    def _show_unknown(self) -> None:
        """Why there is no list, in its place; the list again as soon as there is one."""
        model = self._model
        if model.report is None:
            self._unknown.sentence.setText(model.unknown)
            show_if(self._try_again, model.has_failed)
            self._lists.setCurrentWidget(self._unknown)
        elif self._lists.currentWidget() is self._unknown:
            self._lists.setCurrentWidget(self.items)

    @Slot()
    def _show_track(self) -> None:
        report = self._model.report
        if report is None:
            self._track.show_pieces((), 0)
            return
        pieces = tuple(
            Piece(title, row.bytes, kind_color(row.kind), f"{title}: {size(row.bytes)}")
            for row in self._model.kinds.items
            if row.kind is not None and row.bytes and (title := KIND_TITLES[row.kind])
        )
        self._track.show_pieces(pieces, report.total + report.free)

    @Slot()
    def _show_tools(self) -> None:
        item = None if self.shows_plan else self.items.selected()
        for button in (self._folder, self._pin):
            button.setVisible(self._model.report is not None and not self.shows_plan)
        has_place = item is not None and bool(item.place)
        self._folder.setEnabled(has_place)
        self._folder.setToolTip(_FOLDER_HELP if has_place else _folder_reason(item))
        self._pin.setEnabled(
            _can_pin(item) and not (self._model.is_looking or self._model.is_cleaning)
        )
        self._pin.setText("Un&pin" if item is not None and item.is_pinned else "&Pin")
        self._pin.setToolTip(_pin_help(item))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.opened.emit()


def _folder_reason(item: StoredItem | None) -> str:
    if item is None:
        return "Select something in the list first"
    return "Docker keeps it: it has no folder of its own"


def _can_pin(item: StoredItem | None) -> bool:
    return item is not None and item.kind in _PINNABLE and bool(item.run_id)


def _pin_help(item: StoredItem | None) -> str:
    if item is None or not _can_pin(item):
        return "Select a checkpoint or a run: what is pinned stays in every clean-up"
    is_one = item.kind is StoredKind.CHECKPOINT
    what = "this checkpoint" if is_one else "all checkpoints of this run"
    if item.is_pinned:
        return f"Leave {what} to the rules again"
    return f"Keep {what} in every clean-up"
