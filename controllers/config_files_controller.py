"""Configurations in files: ours, and those of other training programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.errors import AppError
from models.qt.config_questions import ForeignExport, ForeignImport

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import ConfigPort
    from models.domain.config import TrainingConfig
    from models.domain.foreign_config import Program
    from models.qt.app_models import AppModels


class ConfigFilesController(QObject):
    """Reads and writes files; what another program's file cannot say or be told is shown.

    Signals:
        was_read: a name and the TrainingConfig (payload) of a file that is to be imported.
        foreign_found: a ForeignImport (payload) to show; :meth:`take` it, or nothing.
        foreign_written: a ForeignExport (payload) to show.
    """

    was_read = Signal(str, object)
    foreign_found = Signal(object)
    foreign_written = Signal(object)

    def __init__(
        self, desk: Desk, models: AppModels, store: ConfigPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._form = models.form
        self._store = store

    @Slot(object)
    def read(self, path: Path) -> None:
        """Read a file, recognised by its content."""
        self._desk.tasks.start(self._read(path))

    @Slot(object)
    def take(self, found: ForeignImport) -> None:
        """Import what was shown."""
        self.was_read.emit(found.name, found.imported.config)

    @Slot(object)
    def write(self, path: Path) -> None:
        """Write the setup to a file of ours."""
        self._desk.tasks.start(self._write(path))

    @Slot(object, object)
    def write_foreign(self, path: Path, program: Program) -> None:
        """Write the setup to a file for another program."""
        self._desk.tasks.start(self._write_foreign(path, program))

    async def _read(self, path: Path) -> None:
        try:
            imported = await self._desk.lanes.work.run(self._store.read_any_file, path)
        except AppError as error:
            self._desk.notices.show_error(f"{path.name} was not imported", error)
            return
        if imported.program is None:
            self.was_read.emit(path.stem, imported.config)
        else:
            self.foreign_found.emit(ForeignImport(path.stem, imported))

    async def _write(self, path: Path) -> None:
        config: TrainingConfig = self._form.user_config
        try:
            await self._desk.lanes.work.run(self._store.write_file, path, config)
        except AppError as error:
            self._desk.notices.show_error(f"{path.name} was not exported", error)
        else:
            self._desk.notices.said.emit(f"Exported to {path}")

    async def _write_foreign(self, path: Path, program: Program) -> None:
        config, write = self._form.user_config, self._store.write_foreign_file
        try:
            exported = await self._desk.lanes.work.run(write, path, config, program)
        except AppError as error:
            self._desk.notices.show_error(f"{path.name} was not exported", error)
            return
        self._desk.notices.said.emit(f"Exported to {path} for {program.label}")
        if exported.notes:
            self.foreign_written.emit(ForeignExport(path.name, exported))
