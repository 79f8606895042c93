"""Keeps what the pages tell of a run's pod up to date, for as long as anything of it can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from models.domain.config import RUNTIME_RUNPOD
from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import RentedPort
    from models.domain.rented import RentedRun
    from models.qt.app_models import AppModels
    from models.qt.run_models import RunModels

LOOK_MS = 1000
"""The cost is shown in cents; a look is a query of our own database."""


class PodWatch(QObject):
    """Looks in the lane ``database``, once a second while a shown run's pod is not over."""

    def __init__(
        self, desk: Desk, models: AppModels, rented: RentedPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rented = rented
        self._pages = (models.run, models.shown_run)
        self._is_looking = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        for page in self._pages:
            page.status.changed.connect(self._on_changed)

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()
        for page in self._pages:
            page.status.changed.disconnect(self._on_changed)

    @Slot()
    def look(self) -> None:
        """Look now, unless it is being looked already."""
        if not self._is_looking:
            self._is_looking = True
            self._desk.tasks.start(self._look())

    @Slot()
    def _on_changed(self) -> None:
        """Another run, or another state of it: what is shown of the old one goes at once."""
        for page in self._pages:
            run = page.status.run
            is_rented = run is not None and run.runtime == RUNTIME_RUNPOD
            if not is_rented or page.pod.run_id != page.run_id:
                page.pod.show("", None)
            if is_rented and (not page.pod.run_id or self._is_behind(page)):
                self.look()

    async def _look(self) -> None:
        try:
            for page in self._pages:
                await self._look_at(page)
        finally:
            self._is_looking = False
        if any(self._is_wanted(page) for page in self._pages):
            self._timer.start()
        else:
            self._timer.stop()

    async def _look_at(self, page: RunModels) -> None:
        run = page.status.run
        if run is None or run.runtime != RUNTIME_RUNPOD:
            return
        try:
            seen = await self._desk.lanes.database.run(self._rented.seen, run.id)
        except AppError:
            return  # a database that is locked just now; a run that was just deleted
        if page.run_id == run.id:
            self._feed(page, seen)
            page.pod.show(run.id, seen)

    def _feed(self, page: RunModels, seen: RentedRun | None) -> None:
        """The lines of the machine that the log does not show yet."""
        if seen is not None:
            page.log.feed_system(seen.log[page.log.system_lines :])

    def _is_behind(self, page: RunModels) -> bool:
        """Whether a log that was begun anew lacks what is known, or a run goes on again."""
        seen = page.pod.seen
        lacks = seen is not None and page.log.system_lines < len(seen.log)
        return lacks or (self._is_wanted(page) and not self._timer.isActive())

    def _is_wanted(self, page: RunModels) -> bool:
        run, seen = page.status.run, page.pod.seen
        if run is None or run.runtime != RUNTIME_RUNPOD:
            return False
        return not run.state.is_over or (seen is not None and not seen.is_over)
