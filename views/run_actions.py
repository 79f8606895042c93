"""What can be done with the runs that are selected, as one menu for the page and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction

from models.domain.remedies import can_resume
from models.domain.run import RunState
from models.qt.runs_filter import is_waiting
from views.action_menu import ActionMenu, enable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import SignalInstance
    from PySide6.QtWidgets import QWidget

    from models.domain.run import Run

_CHOOSE = "Choose a run in the table first"
_ONE = "Choose one run for this"
_NOT_OVER = "It can be deleted once it has ended"
_CANNOT_RESUME = "Only a run that ended early can go on"
_NOT_TRAINED = "It has trained no step yet, or still trains"
_NOTHING_MADE = "It has left nothing that could be exported"
_NO_RESULT = "Only a run that has finished can be built upon"


class RunActions(ActionMenu):
    """The actions by attribute; :meth:`show_runs` says for which runs they are.

    Signals:
        changed: what can be done may be different now.
        use_requested, again_requested, resume_requested, longer_requested, on_top_requested,
        folder_requested, export_requested, logs_requested, metrics_requested, rename_requested:
            the one Run (payload).
        delete_requested: the runs (a tuple).
    """

    changed = Signal()
    use_requested = Signal(object)
    again_requested = Signal(object)
    resume_requested = Signal(object)
    longer_requested = Signal(object)
    on_top_requested = Signal(object)
    folder_requested = Signal(object)
    export_requested = Signal(object)
    logs_requested = Signal(object)
    metrics_requested = Signal(object)
    rename_requested = Signal(object)
    delete_requested = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("runs.menu", parent)
        self._runs: tuple[Run, ...] = ()
        self._signals: dict[QAction, SignalInstance] = {}
        self._fill()
        self.show_runs(())

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Enable what can be done with these runs, and say why not with the others."""
        self._runs = tuple(runs)
        run = runs[0] if len(runs) == 1 else None
        reason = "" if run is not None else _ONE if runs else _CHOOSE
        for action in (self.use, self.again, self.folder, self.logs, self.metrics, self.rename):
            enable(action, reason)
        resumes = run is not None and can_resume(run)
        enable(self.resume, reason or ("" if resumes else _CANNOT_RESUME))
        enable(self.longer, reason or ("" if _has_trained(run) else _NOT_TRAINED))
        enable(self.on_top, reason or ("" if _has_result(run) else _NO_RESULT))
        enable(self.export, reason or ("" if _has_left(run) else _NOTHING_MADE))
        enable(self.delete, self._why_not_deleted())
        self.changed.emit()

    def _fill(self) -> None:
        self.use = self._add(
            "&Use this setup", "Put the settings of this run into the form", self.use_requested
        )
        again = "Train again with the same settings, dataset and seed, as a new run"
        self.again = self._add("Run &again exactly", again, self.again_requested)
        resume = "Go on from the newest checkpoint"
        self.resume = self._add("Re&sume", resume, self.resume_requested)
        longer = "Go on from its last checkpoint to a later end, as a new run"
        self.longer = self._add("Train &longer…", longer, self.longer_requested)
        on_top = "Learn something further on top of its adapter, as a new run"
        self.on_top = self._add("New adapter on &top…", on_top, self.on_top_requested)
        self.menu.addSeparator()
        self.folder = self._add("&Open folder", "The adapter's folder", self.folder_requested)
        export = "Copy what it made, with tokenizer and README, into a folder of yours"
        self.export = self._add("E&xport…", export, self.export_requested)
        logs = "Save everything that the training printed"
        self.logs = self._add("&Download logs…", logs, self.logs_requested)
        metrics = "Save losses and speed as a table"
        self.metrics = self._add("Export &metrics…", metrics, self.metrics_requested)
        self.menu.addSeparator()
        # The keys are those of the page and its table: as shortcuts they would be the window's.
        self.rename = self._add("Re&name\tF2", "Change its name", self.rename_requested)
        self.delete = self._add("D&elete…\tDel", "", self.delete_requested)

    def _add(self, text: str, tip: str, signal: SignalInstance) -> QAction:
        action = self._make(text, tip)
        action.triggered.connect(self._on_triggered)
        self._signals[action] = signal
        return action

    def _why_not_deleted(self) -> str:
        if not self._runs:
            return _CHOOSE
        ended = all(run.state.is_over or is_waiting(run) for run in self._runs)
        return "" if ended else _NOT_OVER

    @Slot()
    def _on_triggered(self) -> None:
        action = self.sender()
        if action is self.delete:
            self.delete_requested.emit(self._runs)
        elif isinstance(action, QAction) and len(self._runs) == 1:
            self._signals[action].emit(self._runs[0])


def _has_trained(run: Run | None) -> bool:
    return run is not None and run.state.is_over and run.step > 0


def _has_left(run: Run | None) -> bool:
    return run is not None and run.state.is_over and bool(run.adapter_path)


def _has_result(run: Run | None) -> bool:
    return run is not None and run.state is RunState.FINISHED and bool(run.adapter_path)
