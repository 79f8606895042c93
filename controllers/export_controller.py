"""Taking out what a run made, into a folder of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.errors import AppError
from services.progress import CancelToken

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import ExportPort
    from models.domain.run import Run
    from services.progress import Progress


class ExportController(QObject):
    """Between the actions of the Runs page and the export."""

    def __init__(self, desk: Desk, exports: ExportPort, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._exports = exports

    @Slot(object, object)
    def export(self, run: Run, parent: Path) -> None:
        """Write it to a new folder in ``parent``, and say which."""
        self._desk.tasks.start(self._export(run, parent))

    async def _export(self, run: Run, parent: Path) -> None:
        cancel = CancelToken()
        try:
            made = await self._desk.lanes.work.run(
                self._exports.export_into, run, parent, _unseen, cancel
            )
        except AppError as error:
            self._desk.notices.show_error("Nothing was exported", error)
        else:
            self._desk.notices.said.emit(f"Exported to {made.path}")
        finally:
            cancel.cancel()  # the program ends meanwhile: a half copy goes with it


def _unseen(_progress: Progress) -> None:
    """It is copied faster than anybody could read how far it is."""
