"""Measures the setup in the form: the memory and the time of its longest step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.errors import AppError, ConfigError
from models.qt.notice import Notice
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import MeasurePort
    from controllers.training_controller import TrainingController
    from models.domain.config import TrainingConfig
    from models.domain.measured_fit import MeasuredFit
    from models.qt.app_models import AppModels

TOPIC = "measured"
BUSY = "A training is running and has the memory. Measure when it has ended."


class MeasureController(QObject):
    """One measurement at a time, and none beside a training.

    Signals:
        began: a measurement, in words.
        progressed: a Progress (payload).
        ended: it is over, however it went.
        measured: something new is known of this computer's memory.
        problems_found: the form has to be corrected first.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()
    measured = Signal()
    problems_found = Signal()

    def __init__(
        self, desk: Desk, models: AppModels, measure: MeasurePort, training: TrainingController
    ) -> None:
        super().__init__(training)
        self._desk = desk
        self._form = models.form
        self._status = models.run.status
        self._measure = measure
        self._training = training
        self._running: CancelToken | None = None
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)
        self._status.changed.connect(self._on_status_changed)

    @Slot()
    def start(self) -> None:
        """Measure what the form says, if it is right and nothing trains."""
        if self._running is not None:
            return
        if self._status.is_live:
            self._desk.notices.said.emit(BUSY)
        elif self._form.check_all():
            self.problems_found.emit()
        else:
            self._running = CancelToken()
            self._desk.tasks.start(self._run(self._form.config, self._running))

    @Slot()
    def cancel(self) -> None:
        """Give it up."""
        if self._running is not None:
            self._running.cancel()

    @Slot()
    def _on_status_changed(self) -> None:
        """A training needs the memory."""
        if self._status.is_live:
            self.cancel()

    async def _run(self, config: TrainingConfig, cancel: CancelToken) -> None:
        self._desk.notices.withdrawn.emit(TOPIC)
        self.began.emit("Measuring this setup")
        try:
            await self._training.make_room(config)
            found = await self._desk.lanes.inspection.run(
                self._measure.measure, config, report=self._relay.report, cancel=cancel
            )
        except Cancelled:
            self._desk.notices.said.emit("The measurement was cancelled")
        except ConfigError as error:
            self._form.show_problems(error.problems)
            self.problems_found.emit()
        except AppError as error:
            self._desk.notices.show_error("The setup could not be measured", error)
        else:
            self._desk.notices.noticed.emit(_notice(found))
            self.measured.emit()
        finally:
            self._running = None
            self.ended.emit()


def _notice(found: MeasuredFit) -> Notice:
    title, *rest = found.sentences()
    return Notice(title, " ".join(rest), "good" if found.fits else "warning", topic=TOPIC)
