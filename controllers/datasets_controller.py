"""Which datasets there are, and which one the training is to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import SOURCE_SESSION
from models.domain.errors import AppError
from models.qt.datasets_model import reference_of

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import DatasetPort
    from models.domain.dataset import DatasetSession
    from models.qt.app_models import AppModels

_SESSION = "dataset.session"


class DatasetsController(QObject):
    """Keeps the model of datasets filled.

    Signals:
        imported: the new DatasetSession (payload).
    """

    imported = Signal(object)

    def __init__(
        self, desk: Desk, models: AppModels, library: DatasetPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._library = library

    @Slot()
    def refresh(self) -> None:
        """Read the list again."""
        self._desk.tasks.start(self.read_list())

    @Slot()
    def add_sample(self) -> None:
        """Add the bundled sample and choose it."""
        self._desk.tasks.start(self._add_sample())

    @Slot(object)
    def use(self, session: DatasetSession) -> None:
        """Choose a dataset for the training."""
        self._models.form.apply({"dataset.source": SOURCE_SESSION, _SESSION: reference_of(session)})

    def take(self, session: DatasetSession) -> None:
        """Show a new dataset, and choose it for the training."""
        self._models.datasets.put(session)
        self.use(session)
        self._desk.notices.said.emit(f"{session.name}: {session.rows:,} rows are in the library")
        self.imported.emit(session)

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

    async def _add_sample(self) -> None:
        try:
            session = await self._desk.lanes.work.run(self._library.add_sample)
        except AppError as error:
            self._desk.notices.show_error("The sample cannot be added", error)
        else:
            self.take(session)
