"""Brings curves and differing settings of the runs that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import HistoryPort
    from controllers.run_follower import RunFollower
    from models.domain.run import Run, RunUpdate
    from models.qt.compare_model import CompareModel

CURVE_POINTS = 1_000
"""For each curve; the chart takes half of the window."""
_AGAIN_MS = 3_000
"""A live run among them grows: its curve is read again, but not oftener than this."""


class CompareController(QObject):
    """Fills a CompareModel; what comes too late for the runs that are shown is dropped."""

    def __init__(
        self, desk: Desk, model: CompareModel, history: HistoryPort, follower: RunFollower
    ) -> None:
        super().__init__(follower)
        self._desk = desk
        self._model = model
        self._history = history
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self._read_curves)
        model.curves_wanted.connect(self._read_curves)
        follower.updated.connect(self._on_updated)

    @Slot(object)
    def compare(self, runs: tuple[Run, ...]) -> None:
        """Compare these runs; none ends it."""
        before = self._ids()
        self._model.begin(runs)
        if runs and self._ids() != before:
            self._desk.tasks.start(self._differences())

    @Slot()
    def _read_curves(self) -> None:
        if self._model.runs:
            self._desk.tasks.start(self._curves(self._model.metric, self._model.axis))

    async def _curves(self, metric: str, axis: str) -> None:
        ids = self._ids()
        try:
            curves = await self._desk.lanes.database.run(
                self._history.curves, ids, metric, points=CURVE_POINTS, over=axis
            )
        except AppError as error:
            self._desk.notices.show_error("The curves cannot be read", error)
            curves = ()
        if ids == self._ids():
            self._model.set_curves(metric, axis, curves)

    async def _differences(self) -> None:
        ids = self._ids()
        try:
            found = await self._desk.lanes.database.run(self._history.differences, ids)
        except AppError as error:
            self._desk.notices.show_error("The settings cannot be compared", error)
            return
        if ids == self._ids():
            self._model.set_differences(found)

    @Slot(object)
    def _on_updated(self, update: RunUpdate) -> None:
        if update.events and update.run.id in self._ids() and not self._again.isActive():
            self._again.start()

    def _ids(self) -> list[str]:
        return [run.id for run in self._model.runs]
