"""Measures the setup in the form: the memory and the time of its longest step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.errors import AppError, ConfigError
from models.domain.remedies import less_memory
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
LESS_MEMORY = "measure_less_memory"
"""The action of a notice: take what takes less memory, and measure again."""
_DIED = "probe_died"
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
        self._hardware = models.hardware
        self._status = models.run.status
        self._measure = measure
        self._training = training
        self._running: CancelToken | None = None
        self._remedy: dict[str, object] = {}
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

    @Slot(str)
    def on_action(self, action: str) -> None:
        """Press the button of the notice."""
        if action != LESS_MEMORY or not self._remedy:
            return
        self._form.apply(self._remedy)
        self.start()

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
            on_gpu = self._hardware.gpu_for(config) is not None
            button = self._button(config, on_gpu=on_gpu) if error.kind == _DIED else ("", "")
            self._desk.notices.show_error("The setup could not be measured", error, *button)
        else:
            button = ("", "") if found.fits else self._button(config, on_gpu=found.on_gpu)
            self._desk.notices.noticed.emit(_notice(found, *button))
            self.measured.emit()
        finally:
            self._running = None
            self.ended.emit()

    def _button(self, config: TrainingConfig, *, on_gpu: bool) -> tuple[str, str]:
        """Action and label for the change that is noticed least; none where none is left."""
        changes = less_memory(config, on_gpu=on_gpu)
        if not changes:
            return "", ""
        self._remedy = changes[0].values
        return LESS_MEMORY, f"{changes[0].words} and measure again"


def _notice(found: MeasuredFit, action: str, label: str) -> Notice:
    title, *rest = found.sentences()
    tone = "good" if found.fits else "warning"
    return Notice(title, " ".join(rest), tone, action, label, topic=TOPIC)
