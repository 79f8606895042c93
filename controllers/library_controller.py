"""What can be done with datasets that are there: name, copy, join, split, write, take away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.long_task import LongTask, tell
from models.domain.errors import AppError
from models.qt.datasets_model import reference_of
from models.qt.notice import Notice
from models.qt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.environment_controller import EnvironmentController
    from controllers.ports import DatasetPort
    from models.domain.dataset import DatasetSession
    from models.qt.app_models import AppModels
    from models.qt.merge_plan import MergePlan
    from models.qt.split_plan import SplitPlan
    from services.progress import CancelToken

UNDO = "undo_delete"
"""What the button of the notice about a deletion asks for."""
SETUP_FOR_EXPORT = "setup_for_export"
"""What a notice's button asks for: make the trainer's environment, then export."""
_SESSION = "dataset.session"


class LibraryController(QObject):
    """Changes the library and the models of it. What takes long is its ``task``.

    Signals:
        made: the DatasetSession (payload) to look at now.
        undo_changed: whether there is a deletion to undo.
    """

    made = Signal(object)
    undo_changed = Signal(bool)

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        library: DatasetPort,
        environment: EnvironmentController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._library = library
        self._environment = environment
        self._unwritten: tuple[DatasetSession, Path] | None = None
        self._deleted: list[tuple[DatasetSession, ...]] = []
        self.task = LongTask(desk, self)

    @Slot(object, str)
    def rename(self, session: DatasetSession, name: str) -> None:
        """Give a dataset another name; setups that use it go on using it."""
        self._start(self._rename(session, name), "The dataset cannot be renamed")

    @Slot(object)
    def duplicate(self, sessions: Sequence[DatasetSession]) -> None:
        """Make a copy of each of these datasets."""
        self._start(self._duplicate(sessions), "The dataset cannot be duplicated")

    @Slot(object)
    def delete(self, sessions: Sequence[DatasetSession]) -> None:
        """Take datasets out of the library, as long as nobody wants them back."""
        self._start(self._delete(sessions), "The dataset cannot be deleted")

    @Slot()
    def undo(self) -> None:
        """Bring back what was deleted last."""
        if self._deleted:
            deleted = self._deleted.pop()
            self.undo_changed.emit(bool(self._deleted))
            self._desk.notices.withdrawn.emit(UNDO)
            self._start(self._restore(deleted), "The dataset cannot be brought back")

    @Slot(object, object)
    def export(self, session: DatasetSession, path: Path) -> None:
        """Write the rows to a file; its ending says how."""
        self.task.start(f"Exporting {session.name}", partial(self._export, session, path))

    @Slot()
    def set_up_and_export(self) -> None:
        """Make the trainer's environment, and write what could not be written without it."""
        self._desk.tasks.start(self._set_up_and_export())

    @Slot(object)
    def merge(self, plan: MergePlan) -> None:
        """Make one dataset of several."""
        self.task.start(f"Merging into {plan.name}", partial(self._merge, plan))

    @Slot(object)
    def split(self, plan: SplitPlan) -> None:
        """Hold a part of a dataset out."""
        self.task.start(f"Splitting {plan.session.name}", partial(self._split, plan))

    async def _rename(self, session: DatasetSession, name: str) -> None:
        was = {session.name, reference_of(session)}
        renamed = await self._desk.lanes.database.run(self._library.rename, session.id, name)
        self._models.datasets.put(renamed)
        form = self._models.form
        if form.value(_SESSION) in was:
            form.set_default(_SESSION, reference_of(renamed))  # the same dataset: nothing to save
        self.made.emit(renamed)

    async def _duplicate(self, sessions: Sequence[DatasetSession]) -> None:
        for session in sessions:
            copy = await self._desk.lanes.database.run(self._library.duplicate, session.id)
            self._models.datasets.put(copy)
            self.made.emit(copy)

    async def _delete(self, sessions: Sequence[DatasetSession]) -> None:
        gone: list[DatasetSession] = []
        try:
            for session in sessions:
                run = self._desk.lanes.database.run
                gone.append(await run(self._library.delete, session.id))
                self._forget(session)
        finally:  # of several, those that are gone can come back even where one could not go
            if gone:
                self._deleted.append(tuple(gone))
                self.undo_changed.emit(True)
                self._desk.notices.noticed.emit(_deletion(gone))

    async def _restore(self, deleted: Sequence[DatasetSession]) -> None:
        run, waiting = self._desk.lanes.database.run, list(deleted)
        try:
            while waiting:
                restored = await run(self._library.restore, waiting[-1])
                waiting.pop()
                self._models.datasets.set_items(await run(self._library.list))
                self.made.emit(restored)
        finally:  # what could not come back now may be tried again
            if waiting:
                self._deleted.append(tuple(waiting))
                self.undo_changed.emit(True)

    async def _export(self, session: DatasetSession, path: Path, cancel: CancelToken) -> None:
        kind = "parquet" if path.suffix.lower() == ".parquet" else "jsonl"
        run, report = self._desk.lanes.work.run, self.task.report
        try:
            await run(self._library.export, session.id, path, kind, report=report, cancel=cancel)
        except AppError as error:
            if error.kind != "runtime_missing":
                raise
            self._unwritten = (session, path)
            self._desk.notices.show_error(
                f"{session.name} was not exported", error, SETUP_FOR_EXPORT, "Set it up"
            )
        else:
            self._desk.notices.said.emit(f"{session.name} was exported to {path}")

    async def _set_up_and_export(self) -> None:
        if await self._environment.ensure(SETUP_FOR_EXPORT) and self._unwritten is not None:
            (session, path), self._unwritten = self._unwritten, None
            self.export(session, path)

    async def _merge(self, plan: MergePlan, cancel: CancelToken) -> None:
        merged = await self._desk.lanes.work.run(
            self._library.merge,
            plan.parts,
            plan.name,
            seed=plan.seed,
            shuffle=plan.shuffle,
            report=self.task.report,
            cancel=cancel,
        )
        self._take((merged,))

    async def _split(self, plan: SplitPlan, cancel: CancelToken) -> None:
        made = await self._desk.lanes.work.run(
            self._library.split_off,
            plan.session.id,
            percent=plan.percent,
            rows=plan.rows,
            seed=plan.seed,
            as_split=plan.as_split,
            report=self.task.report,
            cancel=cancel,
        )
        self._take(made)

    def _take(self, made: Sequence[DatasetSession]) -> None:
        for session in reversed(made):
            self._models.datasets.put(session)
        self.made.emit(made[0])
        words = [f"{session.name} ({counted(session.rows, 'row')})" for session in made]
        verb = "is" if len(made) == 1 else "are"
        self._desk.notices.said.emit(f"{' and '.join(words)} {verb} in the library now")

    def _forget(self, session: DatasetSession) -> None:
        shown = self._models.rows.session
        if shown is not None and shown.id == session.id:
            self._models.rows.show_session(None)
        self._models.datasets.remove(session.id)

    def _start(self, work: Coroutine[None, None, None], failure: str) -> None:
        self._desk.tasks.start(tell(self._desk, work, failure))


def _deletion(gone: Sequence[DatasetSession]) -> Notice:
    what = gone[0].name if len(gone) == 1 else counted(len(gone), "dataset")
    was = "was" if len(gone) == 1 else "were"
    text = "Until the program closes it can be undone. Runs that used it keep their copy."
    return Notice(f"{what} {was} deleted", text, "info", UNDO, "Undo", topic=UNDO)
