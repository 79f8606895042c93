"""Looks at what a model would learn from a dataset: one row at a time, and all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from controllers.learning_rows import OF_ROW, RowReader
from models.domain.config import SOURCE_SESSION
from models.domain.errors import AppError
from models.qt.datasets_model import reference_of
from models.qt.learning_model import Looking, Refusal, ReportLook, RowLook, Subject
from models.qt.learning_words import learning_setup
from services.chat_templates import read_template
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import DatasetPort, LearningPort
    from models.domain.data_report import DataReport
    from models.domain.dataset import DatasetSession
    from models.qt.app_models import AppModels
    from models.qt.learning_model import LearningModel
    from services.progress import Progress

_SESSION = "dataset.session"


class LearningController(QObject):
    """All rows are asked for in the lane ``inspection``; ``rows`` reads single ones of a worker of
    its own, so that rows can be read while all are being counted.

    Signals:
        task_began, task_progressed, task_ended: leaving rows out: its title, a Progress (payload).
        template_refused: the AppError (payload) of a file that is no chat template.
        failed: the AppError (payload) of a remedy that could not be had.
    """

    task_began = Signal(str)
    task_progressed = Signal(object)
    task_ended = Signal()
    template_refused = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        model: LearningModel,
        learning: LearningPort,
        library: DatasetPort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._model = model
        self._learning = learning
        self.rows = RowReader(desk, model, learning, library, self)
        self._cancel = CancelToken()
        self._counting: CancelToken | None = None
        self._dropping: CancelToken | None = None
        self._follows_form = False
        self._reports = ProgressRelay(self)
        self._reports.reported.connect(self._on_reported)
        self._drops = ProgressRelay(self)
        self._drops.reported.connect(self.task_progressed)
        form = models.form
        form.value_changed.connect(self._on_value_changed)
        form.reset.connect(self._on_reset)

    def look(self, session: DatasetSession, refusal: Refusal | None = None) -> None:
        """Look at a dataset with the form's setup; ``refusal`` where a start was refused by it."""
        form = self._models.form
        self._follows_form = self._chosen() == session
        before = self._model.subject
        kept = before.template if before else None
        name = before.template_name if before else ""
        self._begin(Subject(session, form.config, kept, name), refusal)

    @Slot()
    def look_again(self) -> None:
        """Look with the form's setup of now, at the dataset of now."""
        subject = self._model.subject
        if subject is not None:
            chosen = self._chosen() if self._follows_form else None
            self._look_on(chosen or subject.session)

    @Slot()
    def count(self) -> None:
        """Look at all rows."""
        if self._counting is None and self._model.subject is not None:
            self._desk.tasks.start(self._count(self._model.subject))

    @Slot()
    def stop_counting(self) -> None:
        """Give up looking at all rows."""
        if self._counting is not None:
            self._counting.cancel()

    @Slot(object)
    def use_template(self, path: Path) -> None:
        """Look with the chat template of a file instead of the model's own."""
        self._desk.tasks.start(self._use_template(path))

    @Slot()
    def use_own_template(self) -> None:
        """Look with the model's own chat template."""
        subject = self._model.subject
        if subject is not None and subject.template is not None:
            self._begin(replace(subject, template=None, template_name=""))

    @Slot(object)
    def drop(self, codes: Sequence[str]) -> None:
        """Make a dataset without the rows of these findings, and choose it."""
        subject = self._model.subject
        if self._dropping is None and subject is not None:
            self._dropping = CancelToken()
            self._desk.tasks.start(self._drop(subject, codes, self._dropping))

    @Slot()
    def cancel_task(self) -> None:
        """Give up leaving rows out."""
        if self._dropping is not None:
            self._dropping.cancel()

    @Slot()
    def close(self) -> None:
        """Nobody looks any more: stop, and give the workers' memory back."""
        if self._model.subject is not None:
            self._stop()
            self._model.clear()
            self._desk.tasks.start(self._release())

    def _look_on(self, session: DatasetSession) -> None:
        """Look at what may be better than what refused a start."""
        was_refused = self._model.refusal is not None
        self.look(session, Refusal(is_past=True) if was_refused else None)

    def cancel(self) -> None:
        """Give everything up: the program ends."""
        self._stop()
        self.cancel_task()

    def _begin(self, subject: Subject, refusal: Refusal | None = None) -> None:
        self._stop()
        self._cancel = CancelToken()
        self._model.begin(subject, refusal)
        self._desk.tasks.start(self._look(subject, self._cancel))

    def _stop(self) -> None:
        self._cancel.cancel()
        self.rows.stop()
        self.stop_counting()

    def _is_current(self, subject: Subject) -> bool:
        return self._model.subject is subject

    async def _look(self, subject: Subject, cancel: CancelToken) -> None:
        """What is known at once, then a row, and once that can be read all of them."""
        try:
            known = await self._desk.lanes.rows.run(self._known, subject)
        except AppError as error:
            if self._is_current(subject):
                self._model.set_row(RowLook(0, Looking.FAILED, error=error))
            return
        if cancel.cancelled:
            return
        first = 0
        if known is not None:
            self._model.set_report(ReportLook(Looking.DONE, known, is_kept=True))
            refusal = self._model.refusal
            if refusal is not None and not refusal.is_past:
                first = next((row for one in known.findings for row in one.rows), 0)
        if subject.session.rows:
            await self.rows.show_first(first, cancel)
        trouble = self._model.row.error
        can_look = trouble is None or trouble.kind == OF_ROW
        if known is None and can_look and self._is_current(subject):
            await self._count(subject)

    def _known(self, subject: Subject) -> DataReport | None:
        """In the lane."""
        if not subject.config.hp.base_model.strip():
            hint = "Choose one on the Training page."
            raise AppError("no_model", "No base model is chosen.", hint)
        return self._learning.known(subject.config, subject.session, template=subject.template)

    async def _count(self, subject: Subject) -> None:
        self._counting = cancel = CancelToken()
        self._model.set_report(ReportLook(Looking.BUSY))
        try:
            found = await self._desk.lanes.inspection.run(
                self._learning.report,
                subject.config,
                subject.session,
                template=subject.template,
                report=self._reports.report,
                cancel=cancel,
            )
        except Cancelled:
            look = ReportLook(Looking.CANCELLED)
        except AppError as error:
            look = ReportLook(Looking.FAILED, error=error)
        else:
            look = ReportLook(Looking.DONE, found)
        if self._counting is cancel:
            self._counting = None
        if self._is_current(subject):
            self._model.set_report(look)

    @Slot(object)
    def _on_reported(self, progress: Progress) -> None:
        counting = self._counting
        if counting is not None and not counting.cancelled:
            self._model.set_report(
                ReportLook(Looking.BUSY, fraction=progress.fraction, message=progress.message)
            )

    async def _use_template(self, path: Path) -> None:
        try:
            template = await self._desk.lanes.rows.run(read_template, path)
        except AppError as error:
            self.template_refused.emit(error)
            return
        subject = self._model.subject
        if subject is not None:
            self._begin(replace(subject, template=template, template_name=path.name))

    async def _drop(self, subject: Subject, codes: Sequence[str], cancel: CancelToken) -> None:
        self.task_began.emit("Leaving rows out")
        try:
            session = await self._desk.lanes.inspection.run(
                self._learning.drop,
                subject.config,
                subject.session,
                codes,
                template=subject.template,
                report=self._drops.report,
                cancel=cancel,
            )
        except Cancelled:
            return
        except AppError as error:
            self.failed.emit(error)
        else:
            self._take(subject, session)
        finally:
            self._dropping = None
            self.task_ended.emit()

    def _take(self, subject: Subject, session: DatasetSession) -> None:
        gone = subject.session.rows - session.rows
        self._models.datasets.put(session)
        self._models.form.apply({"dataset.source": SOURCE_SESSION, _SESSION: reference_of(session)})
        words = "1 row was" if gone == 1 else f"{gone:,} rows were"
        self._desk.notices.withdrawn.emit("data_refused")
        self._desk.notices.said.emit(f"{words} left out: {session.name} is chosen now")
        if self._model.subject is not None:
            self._look_on(session)

    async def _release(self) -> None:
        await self._desk.lanes.inspection.run(self._learning.close)

    def _chosen(self) -> DatasetSession | None:
        """The dataset that the form names."""
        return self._models.datasets.by_reference(str(self._models.form.value(_SESSION)))

    @Slot(str)
    def _on_value_changed(self, _path: str) -> None:
        self._on_reset()

    @Slot()
    def _on_reset(self) -> None:
        """The form may say something else than what is shown."""
        subject = self._model.subject
        if subject is None:
            return
        chosen = self._chosen() if self._follows_form else None
        now = learning_setup(self._models.form.config)
        if chosen is not None and chosen.id != subject.session.id:
            self._model.set_stale(f"{chosen.name} is the chosen dataset now.")
        elif now != learning_setup(subject.config):
            self._model.set_stale("The setup has changed since.")
        else:
            self._model.set_stale("")
