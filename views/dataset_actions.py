"""What can be done with the datasets that are selected, as one menu for the page and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction

from views.action_menu import ActionMenu, enable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import SignalInstance
    from PySide6.QtWidgets import QWidget

    from models.domain.dataset import DatasetSession

_CHOOSE = "Choose a dataset in the table first"
_ONE = "Choose one dataset for this"
_SEVERAL = "Choose two datasets or more: with Ctrl or Shift"
_NOTHING = "Nothing was deleted since the program started"


class DatasetActions(ActionMenu):
    """The actions by attribute; :meth:`show_sessions` says for which datasets they are.

    Signals:
        changed: what can be done may be different now.
        use_requested, learning_requested, rename_requested, export_requested, split_requested:
        the one DatasetSession (payload).
        duplicate_requested, merge_requested, delete_requested: the datasets (a tuple).
        undo_requested: bring back what was deleted last.
        sample_requested: add the bundled sample.
    """

    changed = Signal()
    use_requested = Signal(object)
    learning_requested = Signal(object)
    rename_requested = Signal(object)
    export_requested = Signal(object)
    split_requested = Signal(object)
    duplicate_requested = Signal(object)
    merge_requested = Signal(object)
    delete_requested = Signal(object)
    undo_requested = Signal()
    sample_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__("datasets.menu", parent)
        self._sessions: tuple[DatasetSession, ...] = ()
        self._one: dict[QAction, SignalInstance] = {}
        self._many: dict[QAction, SignalInstance] = {}
        self._fill()
        self.show_undo(False)
        self.show_sessions(())

    def show_sessions(self, sessions: Sequence[DatasetSession]) -> None:
        """Enable what can be done with these datasets, and say why not with the others."""
        self._sessions = tuple(sessions)
        reason = "" if len(sessions) == 1 else _ONE if sessions else _CHOOSE
        for action in self._one:
            enable(action, reason)
        for action in self._many:
            enable(action, "" if sessions else _CHOOSE)
        enable(self.merge, "" if len(sessions) > 1 else _SEVERAL)
        self.changed.emit()

    @Slot(bool)
    def show_undo(self, can_undo: bool) -> None:
        """There is something to bring back, or there is not."""
        enable(self.undo, "" if can_undo else _NOTHING)

    def _fill(self) -> None:
        self.use = self._add_one("&Train on it", "Choose it for the training", self.use_requested)
        learning = "Its rows as a model gets them, with what it learns marked"
        self.learning = self._add_one("&What it will learn…", learning, self.learning_requested)
        self.menu.addSeparator()
        # The keys are those of the page and its table: as shortcuts they would be the window's.
        self.rename = self._add_one("&Rename…\tF2", "Change its name", self.rename_requested)
        self.duplicate = self._add_many(
            "D&uplicate", "A copy that takes no room of its own", self.duplicate_requested
        )
        export = "Write its rows to a JSON lines or Parquet file"
        self.export = self._add_one("E&xport…", export, self.export_requested)
        self.menu.addSeparator()
        merge = "One dataset of all that are selected, each as much as you want"
        self.merge = self._add_many("&Merge…", merge, self.merge_requested)
        split = "Keep a part of it to measure the result with"
        self.split = self._add_one("&Split off…", split, self.split_requested)
        self.menu.addSeparator()
        self.delete = self._add_many(
            "&Delete\tDel", "Can be undone until the program closes", self.delete_requested
        )
        self.undo = self._make("U&ndo delete\tCtrl+Z", "Bring back what was deleted last")
        self.undo.triggered.connect(self.undo_requested)
        self.menu.addSeparator()
        sample = "A small dataset that comes with Temper"
        self._make("&Add the sample", sample).triggered.connect(self.sample_requested)

    def _add_one(self, text: str, tip: str, signal: SignalInstance) -> QAction:
        action = self._make(text, tip)
        action.triggered.connect(self._on_one)
        self._one[action] = signal
        return action

    def _add_many(self, text: str, tip: str, signal: SignalInstance) -> QAction:
        action = self._make(text, tip)
        action.triggered.connect(self._on_many)
        self._many[action] = signal
        return action

    @Slot()
    def _on_one(self) -> None:
        action = self.sender()
        if isinstance(action, QAction) and len(self._sessions) == 1:
            self._one[action].emit(self._sessions[0])

    @Slot()
    def _on_many(self) -> None:
        action = self.sender()
        if isinstance(action, QAction) and self._sessions:
            self._many[action].emit(self._sessions)
