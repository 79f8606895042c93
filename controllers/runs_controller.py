"""The Runs page: the list, the selected run, logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.remedy_controller import BUSY
from models.domain.errors import AppError
from models.domain.run import RunUpdate
from models.qt.runs_filter import is_waiting
from services.run_files import copy_log

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import HistoryPort, RunPort
    from controllers.training_controller import TrainingController
    from models.domain.run import Run
    from models.qt.app_models import AppModels


class RunsController(QObject):
    """Fills the table of runs and shows one of them.

    Signals:
        shown: the Run (payload) whose history is in the models now.
    """

    shown = Signal(object)

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        runs: RunPort,
        history: HistoryPort,
        training: TrainingController,
    ) -> None:
        super().__init__(training)
        self._history = history
        self._desk = desk
        self._models = models
        self._runs = runs
        self._training = training
        self._wanted = ""

    @Slot()
    def refresh(self) -> None:
        """Read the list again."""
        self._desk.tasks.start(self._refresh())

    @Slot(object)
    def select(self, run: Run | None) -> None:
        """Show this run, or none."""
        if run is None:
            self._wanted = ""
            self._models.shown_run.clear()
        elif run.id != (self._wanted or self._models.shown_run.run_id):
            self._wanted = run.id
            self._desk.tasks.start(self._show(run))

    @Slot()
    def resume(self) -> None:
        """Go on with the run that is shown."""
        run = self._models.shown_run.status.run
        if run is not None:
            self.resume_run(run)

    @Slot(object)
    def resume_run(self, run: Run) -> None:
        """Go on with a run that ended early."""
        if self._models.run.status.is_live:
            self._desk.notices.said.emit(BUSY)
        elif run.state.is_over:
            self._desk.tasks.start(self._training.resume_run(run))

    @Slot(object)
    def use_setup(self, run: Run) -> None:
        """Put the setup of a run into the form."""
        self._models.form.load(run.config)
        self._desk.notices.said.emit(f"The setup of {run.name or run.id} is in the form now")

    def save_log(self, run: Run, path: Path) -> None:
        """Copy a run's whole log to a file."""
        self._desk.tasks.start(self._save_log(run, path))

    async def _refresh(self) -> None:
        try:
            found = await self._desk.lanes.database.run(self._history.list)
        except AppError as error:
            self._desk.notices.show_error("The runs cannot be read", error)
            return
        if tuple(found) != self._models.runs.items:  # else the table stays where it is scrolled
            self._models.runs.set_items(found)

    async def _show(self, run: Run) -> None:
        try:
            update = await self._desk.lanes.runs.run(self._read, run)
        except AppError as error:
            self._desk.notices.show_error("The run cannot be shown", error)
            if self._wanted == run.id:
                self._wanted = ""
            return
        if update is not None and self._wanted == run.id:
            self._wanted = ""
            self._models.shown_run.fill(update)
            if self._models.run.run_id == run.id and self._models.run.status.is_live:
                self._models.run.fill(update)  # what it brought is told only once
            self.shown.emit(update.run)

    def _read(self, run: Run) -> RunUpdate | None:
        """In the lane: what there is to show of a run; None where another is wanted by now."""
        if self._wanted != run.id:
            return None
        return RunUpdate(run) if is_waiting(run) else self._runs.history(run.id)

    async def _save_log(self, run: Run, path: Path) -> None:
        try:
            source = await self._desk.lanes.runs.run(self._runs.log_path, run.id)
            await self._desk.lanes.work.run(_write_log, source, path)
        except AppError as error:
            self._desk.notices.show_error("The log cannot be saved", error)
        except OSError as error:
            trouble = AppError("io", f"{path} cannot be written: {error}.", "Choose another place.")
            self._desk.notices.show_error("The log was not saved", trouble)
        else:
            self._desk.notices.said.emit(f"Log saved as {path}")


def _write_log(source: Path, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        copy_log(source, target)
