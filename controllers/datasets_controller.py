"""The dataset library: list, import with progress, sample, preview, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.config import SOURCE_SESSION
from models.domain.errors import AppError
from models.qt.datasets_model import reference_of
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import DatasetPort
    from models.domain.dataset import DatasetSession
    from models.qt.app_models import AppModels

_SESSION = "dataset.session"


class DatasetsController(QObject):
    """Keeps the models of datasets and rows filled.

    Signals:
        import_began: what is imported, in words.
        import_progressed: a Progress (payload).
        import_ended: however it went.
        imported: the new DatasetSession (payload).
    """

    import_began = Signal(str)
    import_progressed = Signal(object)
    import_ended = Signal()
    imported = Signal(object)

    def __init__(
        self, desk: Desk, models: AppModels, library: DatasetPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._library = library
        self._cancel: CancelToken | None = None
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.import_progressed)
        models.rows.page_wanted.connect(self._on_page_wanted)

    @Slot()
    def refresh(self) -> None:
        """Read the list again."""
        self._desk.tasks.start(self.read_list())

    @Slot(object)
    def import_file(self, path: Path) -> None:
        """Import a file, one at a time, and choose it for the training."""
        if self._cancel is not None:
            self._desk.notices.said.emit("Another import is still going on")
            return
        self._cancel = CancelToken()
        self.import_began.emit(f"Importing {path.name}")
        self._desk.tasks.start(self._import(path, self._cancel))

    @Slot()
    def cancel_import(self) -> None:
        """Give up the import that is going on."""
        if self._cancel is not None:
            self._cancel.cancel()

    @Slot()
    def add_sample(self) -> None:
        """Add the bundled sample and choose it."""
        self._desk.tasks.start(self._add_sample())

    @Slot(object)
    def use(self, session: DatasetSession) -> None:
        """Choose a dataset for the training."""
        self._models.form.apply({"dataset.source": SOURCE_SESSION, _SESSION: reference_of(session)})

    @Slot(object)
    def delete(self, session: DatasetSession) -> None:
        """Remove a dataset from the library."""
        self._desk.tasks.start(self._delete(session))

    async def read_list(self) -> None:
        """Fill the list; an unsaved setup without a dataset gets the newest one."""
        try:
            found = await self._desk.lanes.database.run(self._library.list)
        except AppError as error:
            self._desk.notices.show_error("The datasets cannot be read", error)
            return
        self._models.datasets.set_items(found)
        form = self._models.form
        if found and not form.name and not form.value(_SESSION):  # a saved setup stays as it is
            form.set_default(_SESSION, reference_of(found[0]))

    async def _import(self, path: Path, cancel: CancelToken) -> None:
        try:
            session = await self._desk.lanes.work.run(
                self._library.import_file, path, report=self._relay.report, cancel=cancel
            )
        except Cancelled:
            self._desk.notices.said.emit(f"{path.name} was not imported")
        except AppError as error:
            self._desk.notices.show_error(f"{path.name} was not imported", error)
        else:
            self._take(session)
        finally:
            self._cancel = None
            self.import_ended.emit()

    async def _add_sample(self) -> None:
        try:
            session = await self._desk.lanes.work.run(self._library.add_sample)
        except AppError as error:
            self._desk.notices.show_error("The sample cannot be added", error)
        else:
            self._take(session)

    def _take(self, session: DatasetSession) -> None:
        self._models.datasets.put(session)
        self.use(session)
        self._desk.notices.said.emit(f"{session.name}: {session.rows:,} rows are in the library")
        self.imported.emit(session)

    async def _delete(self, session: DatasetSession) -> None:
        try:
            await self._desk.lanes.database.run(self._library.delete, session.id)
        except AppError as error:
            self._desk.notices.show_error("The dataset cannot be deleted", error)
            return
        shown = self._models.rows.session
        if shown is not None and shown.id == session.id:
            self._models.rows.show_session(None)
        self._models.datasets.remove(session.id)

    @Slot(object, object, object)
    def _on_page_wanted(self, session_id: int, start: int, count: int) -> None:
        self._desk.tasks.start(self._read_page(session_id, start, count))

    async def _read_page(self, session_id: int, start: int, count: int) -> None:
        try:
            rows = await self._desk.lanes.database.run(self._library.rows, session_id, start, count)
        except AppError as error:
            self._desk.notices.show_error("The rows cannot be read", error)
            return
        self._models.rows.set_page(session_id, start, rows)
