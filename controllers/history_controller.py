"""What is done with runs that were: naming, noting, repeating, deleting, exporting."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from controllers.repeating import RepeatingController
from models.domain.config_io import settings_index
from models.domain.errors import AppError, ConfigError
from models.qt.deletion import Deletion
from models.qt.runs_model import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.domain.run import Run
    from models.domain.run_history import Repetition


class HistoryController(RepeatingController):
    """Between the Runs page and the history.

    Signals:
        delete_asked: a Deletion (payload): the question, with sizes.
        deleted: the runs are gone.
        again_asked: a Repetition (payload) that differs from its run in what it remarks.
    """

    delete_asked = Signal(object)
    deleted = Signal()
    again_asked = Signal(object)

    @Slot(str, str)
    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self._desk.tasks.start(
            self._change("The run was not renamed", self._history.rename, run_id, name)
        )

    @Slot(str, str)
    def set_notes(self, run_id: str, notes: str) -> None:
        """Keep notes on a run."""
        self._desk.tasks.start(
            self._change("The notes were not kept", self._history.set_notes, run_id, notes)
        )

    @Slot(str, object)
    def set_tags(self, run_id: str, tags: Sequence[str]) -> None:
        """Keep a run's tags."""
        self._desk.tasks.start(
            self._change("The tags were not kept", self._history.set_tags, run_id, tuple(tags))
        )

    @Slot(object)
    def ask_delete(self, runs: tuple[Run, ...]) -> None:
        """See how large the runs are, and ask."""
        if runs:
            self._desk.tasks.start(self._ask_delete(runs))

    @Slot(object, bool)
    def delete(self, runs: tuple[Run, ...], with_outputs: bool) -> None:
        """Forget runs and remove their files."""
        self._desk.tasks.start(self._delete(runs, with_outputs))

    @Slot(object)
    def run_again(self, run: Run) -> None:
        """Run it again exactly; what cannot be as it was is asked about first."""
        self._desk.tasks.start(self._plan_again(run))

    @Slot(object)
    def again(self, plan: Repetition) -> None:
        """Start a repetition, or let it wait while something trains."""
        self._desk.tasks.start(self._again(plan))

    def export_metrics(self, run: Run, path: Path) -> None:
        """Write a run's events to a file."""
        self._desk.tasks.start(self._export(run, path))

    async def _change(
        self, trouble: str, call: Callable[..., Run], run_id: str, value: object
    ) -> None:
        try:
            run = await self._desk.lanes.database.run(call, run_id, value)
        except AppError as error:
            # With what was typed, so that nobody has to type it again.
            typed = AppError(error.kind, error.message, error.hint, str(value))
            self._desk.notices.show_error(trouble, typed)
            return
        if self._models.runs.find(run_id) is not None:
            self._models.runs.put(run)
        for shown in (self._models.run, self._models.shown_run):
            if shown.run_id == run_id:
                shown.status.set_run(run)

    async def _ask_delete(self, runs: tuple[Run, ...]) -> None:
        try:
            sizes = [await self._desk.lanes.work.run(self._history.size, run.id) for run in runs]
        except AppError as error:
            self._desk.notices.show_error("The runs cannot be measured", error)
            return
        self.delete_asked.emit(Deletion(runs, tuple(sizes)))

    async def _delete(self, runs: tuple[Run, ...], with_outputs: bool) -> None:
        ids = [run.id for run in runs]
        try:
            done = await self._desk.lanes.work.run(
                self._history.delete, ids, with_outputs=with_outputs, keep_pinned=True
            )
        except AppError as error:
            self._desk.notices.show_error("The runs were not deleted", error)
            return
        for run_id in done.run_ids:
            self._models.runs.remove(run_id)
            for shown in (self._models.run, self._models.shown_run):
                if shown.run_id == run_id:
                    shown.clear()
        what = f"Run {name_of(runs[0])}" if len(runs) == 1 else f"{len(runs)} runs"
        later = " Some files are still in use and go later." if done.left else ""
        self._desk.notices.said.emit(f"{what} deleted.{later}")
        self.deleted.emit()

    async def _plan_again(self, run: Run) -> None:
        try:
            plan = await self._desk.lanes.runs.run(self._history.plan_again, run.id)
        except AppError as error:
            title = f"{name_of(run)} cannot be run again exactly"
            self._desk.notices.show_error(title, in_words(error))
            return
        if plan.remarks:
            self.again_asked.emit(plan)
        else:
            await self._again(plan)

    async def _again(self, plan: Repetition) -> None:
        known = self._models.runs.find(plan.run_id)
        rows = known.dataset_sha256 if known is not None else ""
        with self._starting() as waits:
            try:
                again = partial(self.again, plan)
                if not await self._ask_gate(plan, again, sha256=rows, waits=waits):
                    return
                run = await self._desk.lanes.runs.run(
                    self._history.run_again, plan.run_id, queued=waits
                )
            except AppError as error:
                self._desk.notices.show_error(f"{plan.name} did not start again", in_words(error))
            else:
                self._show(run, waits=waits)

    async def _export(self, run: Run, path: Path) -> None:
        try:
            await self._desk.lanes.work.run(self._history.export_metrics, run.id, path)
        except AppError as error:
            self._desk.notices.show_error("The metrics were not exported", error)
        else:
            self._desk.notices.said.emit(f"Metrics saved as {path}")


def in_words(error: AppError) -> AppError:
    """What is wrong with a setup as sentences that name its settings as the form does."""
    if not isinstance(error, ConfigError):
        return error
    sentences = []
    for problem in error.problems:
        known = settings_index().get(problem.field)
        name = known.rule.label if known is not None else problem.field
        sentences.append(f"{name} {problem.message} {problem.remedy}".strip())
    return AppError("bad_config", " ".join(sentences), "Or use its setup, and change that.")
