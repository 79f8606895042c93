"""Runs the doctor for its page: when it is opened, and whenever that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import DoctorPort
    from models.domain.doctor import Check
    from models.qt.doctor_model import DoctorModel


class DoctorController(QObject):
    """One checkup at a time, in a lane of its own: nothing waits for it.

    Signals:
        reported: the text of a report that was asked for.
    """

    reported = Signal(str)
    _found = Signal(object)

    def __init__(
        self, desk: Desk, model: DoctorModel, doctor: DoctorPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._model = model
        self._doctor = doctor
        self._cancel: CancelToken | None = None
        self._is_stale = True
        self._found.connect(self._on_found)  # emitted in the lane, received here
        model.set_ready()

    @Slot()
    def check_if_stale(self) -> None:
        """Look, unless what is known still holds."""
        if self._is_stale:
            self.check()

    @Slot()
    def check(self) -> None:
        """Look at everything; asked for while it looks, it looks once more after that."""
        self._is_stale = True
        if self._cancel is None:
            self._cancel = CancelToken()
            self._desk.tasks.start(self._check(self._cancel))

    @Slot()
    def cancel(self) -> None:
        """Stop looking; what is known already stays."""
        if self._cancel is not None:
            self._cancel.cancel()

    @Slot()
    def expire(self) -> None:
        """Something that was looked at is another now."""
        self._is_stale = True

    @Slot()
    def copy_report(self) -> None:
        """Write the report."""
        if self._model.can_report:
            self._desk.tasks.start(self._write_report(self._model.checks))

    async def _check(self, cancel: CancelToken) -> None:
        try:
            while self._is_stale and not cancel.cancelled:
                self._is_stale = False
                await self._check_once(cancel)
        finally:
            self._cancel = None

    async def _check_once(self, cancel: CancelToken) -> None:
        self._model.begin()
        is_stopped = True
        try:
            lane = self._desk.lanes.doctor
            self._model.show(tuple(await lane.run(self._doctor.checks, self._tell, cancel)))
            is_stopped = False
        except Cancelled:
            self._is_stale = True
        finally:
            self._model.end(stopped=is_stopped)

    async def _write_report(self, checks: tuple[Check, ...]) -> None:
        self.reported.emit(await self._desk.lanes.doctor.run(self._doctor.report, checks))
        self._desk.notices.said.emit("The report is on the clipboard. It holds no token or name.")

    def _tell(self, found: tuple[Check, ...]) -> None:
        """In the lane."""
        self._found.emit(found)

    @Slot(object)
    def _on_found(self, found: tuple[Check, ...]) -> None:
        self._model.show(found)
