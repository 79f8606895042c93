"""What the setup in the form would take of the disk, told a moment after it was last changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import StoragePort
    from models.qt.form_model import FormModel

_REST_MS = 500
"""Somebody who types a number is not asked for each digit: runs and datasets are looked at."""


class DiskForecast(QObject):
    """Asks in the lane of the other looks at computer and models; the newest setup counts.

    Signals:
        known: the StorageForecast (payload) of the form as it is, or None where there is none.
    """

    known = Signal(object)

    def __init__(
        self, desk: Desk, form: FormModel, storage: StoragePort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._form = form
        self._storage = storage
        self._is_asking = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MS)
        self._timer.timeout.connect(self.ask)
        form.value_changed.connect(self._on_changed)
        form.reset.connect(self._on_changed)

    @Slot()
    def ask(self) -> None:
        """Ask now; where an answer is still on its way, after it."""
        if self._is_asking:
            self._timer.start()
            return
        self._is_asking = True
        self._desk.tasks.start(self._ask())

    @Slot()
    def _on_changed(self) -> None:
        self._timer.start()

    async def _ask(self) -> None:
        config, found = self._form.config, None
        try:
            found = await self._desk.lanes.probes.run(self._storage.forecast, config)
        except AppError:  # the memory's line says already that the model is not known
            found = None
        finally:
            self._is_asking = False
        if config == self._form.config:  # else the next answer is on its way
            self.known.emit(found)
