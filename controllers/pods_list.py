"""Lists the rented pods as Runpod has them; where it cannot be asked, as they are known here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.errors import AppError
from services.redaction import redact

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.pods_controller import PodsController
    from controllers.ports import PodPort
    from models.domain.pod_rows import PodRow
    from models.qt.app_models import AppModels

_OFFLINE = "Offline mode: Runpod is not asked."
_KNOWN = "These are the pods that are known here. One can be ended all the same."


class PodsList(QObject):
    """Asks in the lane ``remote``; ends through the controller that the whole window shares."""

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        pods: PodPort,
        controller: PodsController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._pods = pods
        self._controller = controller
        controller.all_gone.connect(self._on_ended)
        controller.not_gone.connect(self._on_ended)

    @Slot()
    def refresh(self) -> None:
        """Ask now, unless it is being asked."""
        if not self._models.pods.is_looking:
            self._models.pods.set_looking()
            self._desk.tasks.start(self._refresh())

    def end(self, row: PodRow) -> None:
        """End this one; also in Offline mode."""
        model = self._models.pods
        if row.id not in model.ending:
            model.set_ending(model.ending | {row.id})
            self._controller.end((row,))

    @Slot()
    def _on_ended(self) -> None:
        self._models.pods.set_ending(frozenset())
        self.refresh()

    async def _refresh(self) -> None:
        rows: tuple[PodRow, ...] = ()
        asked, problem = None, ""
        try:
            rows = await self._desk.lanes.remote.run(self._pods.rows)
            asked = time.time()
        except AppError as error:
            problem = _OFFLINE if error.kind == "offline" else _words(error)
            rows = await self._known()
            problem = f"{problem} {_KNOWN}" if rows else problem
        names = {run.id: run.name for run in self._models.runs.items}
        self._models.pods.set_rows(rows, names, asked=asked, problem=problem)

    async def _known(self) -> tuple[PodRow, ...]:
        try:
            return await self._desk.lanes.database.run(self._pods.known)
        except AppError:
            return self._models.pods.items


def _words(error: AppError) -> str:
    return redact(f"{error.message} {error.hint}".strip())
