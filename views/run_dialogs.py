"""The questions of the Runs page: each is opened, and its answer leaves as a signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.model_export import ExportKind
from models.qt.runs_model import name_of
from views.dialogs.delete_runs_dialog import DeleteRunsDialog
from views.dialogs.file_dialogs import METRICS_FILTER, folder_dialog, save_dialog
from views.dialogs.question_dialog import QuestionDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.domain.run import Run
    from models.domain.run_history import Repetition
    from models.qt.deletion import Deletion

_KINDS = (
    "The adapter is small, and whoever uses it needs its base model, too. A merged model is as "
    "large as the base model and needs nothing else; merging takes a while and loads the base "
    "model into memory."
)


class RunDialogs(QObject):
    """Questions about runs that were, none of which stops the program.

    Signals:
        delete_confirmed: the runs (a tuple) to delete, and whether with their outputs.
        again_confirmed: the Repetition (payload) to begin.
        metrics_path_chosen: a Run and the Path (payloads) for its metrics.
        export_folder_chosen: a Run, as what (an ExportKind) and in which Path (payloads) it is to
            be exported.
    """

    delete_confirmed = Signal(object, bool)
    again_confirmed = Signal(object)
    metrics_path_chosen = Signal(object, object)
    export_folder_chosen = Signal(object, object, object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._plan: Repetition | None = None
        self._run: Run | None = None
        self._exported: Run | None = None
        self._kind = ExportKind.ADAPTER

    @Slot(object)
    def ask_delete(self, deletion: Deletion) -> None:
        """Delete these runs, and what they made?"""
        dialog = DeleteRunsDialog(deletion, self._window)
        dialog.confirmed.connect(self.delete_confirmed)
        dialog.open()

    @Slot(object)
    def ask_again(self, plan: Repetition) -> None:
        """Run it again, though something cannot be as it was?"""
        self._plan = plan
        remarks = "\n".join(f"•  {remark}" for remark in plan.remarks)
        dialog = QuestionDialog(
            f"Run {plan.name} again?",
            f"Different from the first time:\n\n{remarks}",
            (("yes", "Run again"),),
            self._window,
        )
        dialog.answered.connect(self._on_again)
        dialog.open()

    @Slot(object)
    def ask_metrics_path(self, run: Run) -> None:
        """Where to save a run's metrics?"""
        self._run = run
        dialog = save_dialog(
            self._window, "metrics.dialog", "Export the metrics", METRICS_FILTER, f"{run.id}.csv"
        )
        dialog.fileSelected.connect(self._on_path)
        dialog.open()

    @Slot(object)
    def ask_export(self, run: Run) -> None:
        """As what to export what a run made? One that trained every weight has no adapter."""
        self._exported = run
        if run.config.hp.tuning == "full":
            self._ask_export_folder(ExportKind.MERGED)
            return
        answers = ((ExportKind.ADAPTER, "The adapter"), (ExportKind.MERGED, "A merged model"))
        dialog = QuestionDialog(f"Export {name_of(run)} as what?", _KINDS, answers, self._window)
        dialog.answered.connect(self._ask_export_folder)
        dialog.open()

    @Slot(str)
    def _ask_export_folder(self, kind: str) -> None:
        self._kind = ExportKind(kind)
        title = "Export into which folder?"
        dialog = folder_dialog(self._window, "runs.export_dialog", title, "")
        dialog.fileSelected.connect(self._on_export_folder)
        dialog.open()

    @Slot(str)
    def _on_again(self, _word: str) -> None:
        plan, self._plan = self._plan, None
        if plan is not None:
            self.again_confirmed.emit(plan)

    @Slot(str)
    def _on_path(self, path: str) -> None:
        run, self._run = self._run, None
        if run is not None:
            self.metrics_path_chosen.emit(run, Path(path))

    @Slot(str)
    def _on_export_folder(self, path: str) -> None:
        run, self._exported = self._exported, None
        if run is not None:
            self.export_folder_chosen.emit(run, self._kind, Path(path))
