"""Taking out what a run made, into a folder of the user's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.long_task import LongTask
from models.domain.errors import AppError
from models.qt.runs_model import name_of

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import ExportPort
    from models.domain.model_export import ExportKind
    from models.domain.run import Run
    from services.progress import CancelToken


class ExportController(QObject):
    """Between the actions of the Runs page and the export; ``task`` shows how far it is."""

    def __init__(self, desk: Desk, exports: ExportPort, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._exports = exports
        self.task = LongTask(desk, self)

    @Slot(object, object, object)
    def export(self, run: Run, kind: ExportKind, parent: Path) -> None:
        """Write it to a new folder in ``parent``, and say which."""
        self.task.start(f"Exporting {name_of(run)}", partial(self._export, run, kind, parent))

    async def _export(self, run: Run, kind: ExportKind, parent: Path, cancel: CancelToken) -> None:
        try:
            made = await self._desk.lanes.exports.run(
                self._exports.export_into, run, kind, parent, self.task.report, cancel
            )
        except AppError as error:
            self._desk.notices.show_error("Nothing was exported", error)
        else:
            self._desk.notices.said.emit(f"Exported to {made.path}")
        finally:
            cancel.cancel()  # the program ends meanwhile: a half copy goes with it
