"""Imports one after the other: files, folders, the clipboard, datasets of the Hub."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.dataset_import import ImportRefusedError
from models.domain.earlier_program import EarlierImport
from models.domain.errors import AppError
from models.domain.import_job import ImportJob, ImportRefusal, PastedText
from services.import_jobs import carry_out
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from controllers.desk import Desk
    from controllers.environment_controller import EnvironmentController
    from controllers.ports import DatasetPort, EarlierPort
    from models.domain.column_mapping import ColumnMapping
    from models.domain.dataset_import import HubSource
    from models.domain.import_job import Imported

SETUP_FOR_IMPORT = "setup_for_import"
"""What a notice's button asks for: make the trainer's environment, then import."""


class ImportController(QObject):
    """What is asked for while an import goes on waits for its turn.

    Signals:
        began: what is imported, in words; also for each further one.
        progressed: a Progress (payload).
        ended: nothing is imported any more.
        imported: an Imported (payload).
        earlier_imported: the ImportJob and the EarlierImport (payloads).
        refused: an ImportRefusal (payload).
        failed: the ImportJob and the AppError (payloads) for which nothing was read at all.
        given_up: the ImportJob (payload) that the user cancelled.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()
    imported = Signal(object)
    earlier_imported = Signal(object, object)
    refused = Signal(object)
    failed = Signal(object, object)
    given_up = Signal(object)

    def __init__(
        self,
        desk: Desk,
        library: DatasetPort,
        earlier: EarlierPort,
        environment: EnvironmentController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._library = library
        self._earlier = earlier
        self._environment = environment
        self._cancel: CancelToken | None = None
        self._waiting: list[ImportJob] = []
        self._without_environment: list[ImportJob] = []
        self._done = 0
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)

    @property
    def is_busy(self) -> bool:
        """Whether something is imported now."""
        return self._cancel is not None

    @Slot(object)
    def import_file(self, path: Path) -> None:
        """Import a file or a folder."""
        self.take(ImportJob(path))

    @Slot(object)
    def import_hub(self, source: HubSource) -> None:
        """Import a dataset of the Hub."""
        self.take(ImportJob(source))

    @Slot(str)
    def import_text(self, text: str) -> None:
        """Import what was copied elsewhere."""
        if text.strip():
            self.take(ImportJob(PastedText(text)))
        else:
            self._desk.notices.said.emit("There is no text and no file in the clipboard")

    @Slot(object)
    def take(self, job: ImportJob) -> None:
        """Import this, or let it wait until what goes on has ended."""
        self._waiting.append(job)
        if self._cancel is None:
            self._cancel = CancelToken()
            self._done = 0
            self._tell_next()
            self._desk.tasks.start(self._work_off())

    @Slot()
    def cancel(self) -> None:
        """Give up the import that is going on, and those that wait."""
        if self._cancel is not None:
            self._cancel.cancel()

    @Slot(object)
    def import_without_bad_rows(self, refusal: ImportRefusal) -> None:
        """Import what was refused once more, and leave its faulty rows out."""
        job = refusal.job
        self.take(replace(job, options=replace(job.options, drop_bad_rows=True)))

    @Slot(object)
    def import_again(self, refusal: ImportRefusal) -> None:
        """Import it once more: the file may be another one by now."""
        self.take(refusal.job)

    def import_mapped(self, refusal: ImportRefusal, mapping: ColumnMapping) -> None:
        """Import it with what the user said of its columns."""
        job = refusal.job
        self.take(replace(job, options=replace(job.options, mapping=mapping)))

    def divide(self, done: Imported, text_split: str) -> None:
        """Import a plain text once more in other rows, in place of what it gave before."""
        options = replace(done.job.options, text_split=text_split)
        self.take(replace(done.job, options=options, replaces=done.session))

    def try_row(self, row: Mapping[str, Any], format_: str) -> tuple[dict[str, Any], str]:
        """A row as an import would store it, and why it would not; at once, for a preview."""
        from services.dataset_import.row_checks import check_row  # not before it is wanted

        stored, verdict = check_row(dict(row), format_)
        return stored, verdict.problems[0][1] if verdict.problems else ""

    @Slot()
    def set_up_and_import(self) -> None:
        """Make the trainer's environment, and import what could not be read without it."""
        self._desk.tasks.start(self._set_up_and_import())

    def tell_failure(self, job: ImportJob, error: AppError) -> None:
        """Say in the banner why nothing was imported, and offer what helps."""
        action = SETUP_FOR_IMPORT if error.kind == "runtime_missing" else ""
        label = "Set it up" if action else ""
        self._desk.notices.show_error(f"{job.label} was not imported", error, action, label)

    async def _set_up_and_import(self) -> None:
        if await self._environment.ensure(SETUP_FOR_IMPORT):
            jobs, self._without_environment = self._without_environment, []
            for job in jobs:
                self.take(job)

    async def _work_off(self) -> None:
        cancel = self._cancel or CancelToken()
        try:
            while self._waiting:
                if self._done:
                    self._tell_next()
                job = self._waiting.pop(0)
                self._done += 1
                await self._import(job, cancel)
                if cancel.cancelled:
                    break
        finally:
            self._waiting.clear()
            self._cancel = None
            self.ended.emit()

    def _tell_next(self) -> None:
        total = self._done + len(self._waiting)
        place = f" ({self._done + 1} of {total})" if total > 1 else ""
        self.began.emit(f"Importing {_lower(self._waiting[0].label)}{place}")

    async def _import(self, job: ImportJob, cancel: CancelToken) -> None:
        try:
            done = await self._desk.lanes.work.run(
                carry_out, self._library, self._earlier, job, self._relay.report, cancel
            )
        except Cancelled:
            self._desk.notices.said.emit(f"{job.label} was not imported")
            self.given_up.emit(job)
        except ImportRefusedError as error:
            self.refused.emit(ImportRefusal(job, error.verdict))
        except AppError as error:
            self._keep_for_later(job, error)
            self.failed.emit(job, error)
        else:
            self._tell(job, done)

    def _tell(self, job: ImportJob, done: Imported | EarlierImport) -> None:
        if isinstance(done, EarlierImport):
            self.earlier_imported.emit(job, done)
        else:
            self.imported.emit(done)

    def _keep_for_later(self, job: ImportJob, error: AppError) -> None:
        if error.kind == "runtime_missing" and job not in self._without_environment:
            self._without_environment.append(job)


def _lower(label: str) -> str:
    """Names keep their capitals."""
    return label.replace("The clipboard", "the clipboard")
