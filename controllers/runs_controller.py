"""The Runs page: the list, the selected run, deleting, logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.errors import AppError
from services.run_files import copy_log

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import RunPort
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
        self, desk: Desk, models: AppModels, runs: RunPort, training: TrainingController
    ) -> None:
        super().__init__(training)
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
    def select(self, run: Run) -> None:
        """Show this run."""
        if run.id not in {self._wanted, self._models.shown_run.run_id}:
            self._wanted = run.id
            self._desk.tasks.start(self._show(run))

    @Slot()
    def resume(self) -> None:
        """Go on with the run that is shown."""
        run = self._models.shown_run.status.run
        if run is not None and run.state.is_over:
            self._desk.tasks.start(self._training.resume_run(run))

    @Slot(object)
    def delete(self, run: Run) -> None:
        """Forget an ended run."""
        self._desk.tasks.start(self._delete(run))

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
            found = await self._desk.lanes.database.run(self._runs.list)
        except AppError as error:
            self._desk.notices.show_error("The runs cannot be read", error)
            return
        self._models.runs.set_items(found)

    async def _show(self, run: Run) -> None:
        try:
            update = await self._desk.lanes.runs.run(self._runs.history, run.id)
        except AppError as error:
            self._desk.notices.show_error("The run cannot be shown", error)
            return
        finally:
            if self._wanted == run.id:
                self._wanted = ""
        if not self._wanted:
            self._models.shown_run.fill(update)
            self.shown.emit(update.run)

    async def _delete(self, run: Run) -> None:
        try:
            await self._desk.lanes.database.run(self._runs.delete, run.id)
        except AppError as error:
            self._desk.notices.show_error("The run cannot be deleted", error)
            return
        self._models.runs.remove(run.id)
        for shown in (self._models.run, self._models.shown_run):
            if shown.run_id == run.id:
                shown.clear()

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
