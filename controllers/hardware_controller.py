"""Keeps what is known of memory and models up to date while somebody looks at the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QTimer, Slot

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import PeakPort, ProbePort, ShapePort
    from models.qt.app_models import AppModels

PROBE_MS = 3_000
"""A driver answers in less than a millisecond; free memory changes as programs come and go."""
_TYPING_MS = 400
"""A name being typed is looked up once the typing rests."""
_DECISIVE = {"hp.base_model", "training.target", "local.use_gpu", "local.host_data_dir"}


class _Question(NamedTuple):
    """What decides which size and which calibration is wanted."""

    model: str
    data_root: str
    device: str
    offline: bool


class HardwareController(QObject):
    """Probes in a lane of its own, never twice at a time, and only while the window is seen.

    It also looks up the size and the calibration of the base model that the form names. Whatever
    goes wrong makes something unknown, with its reason; it is never an error for the user.
    """

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        *,
        probe: ProbePort,
        shapes: ShapePort,
        peaks: PeakPort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._form = models.form
        self._hardware = models.hardware
        self._status = models.run.status
        self._probe = probe
        self._shapes = shapes
        self._peaks = peaks
        self._is_probing = False
        self._is_looking = False
        self._answered: _Question | None = None
        self._is_stale = False
        self._ticks = _timer(self, PROBE_MS)
        self._rest = _timer(self, _TYPING_MS, is_single=True)
        self._ticks.timeout.connect(self.probe)
        self._rest.timeout.connect(self.look_up)
        self._form.value_changed.connect(self._on_value_changed)
        self._form.reset.connect(self.look_up)
        self._form.circumstances_changed.connect(self.look_up)
        self._status.changed.connect(self._on_status_changed)

    @Slot()
    def start(self) -> None:
        """Look for the first time, whether or not the window is seen."""
        self.probe()
        self.look_up()

    def set_watched(self, watched: bool) -> None:
        """The window is seen, or no longer; what was missed is made up for at once."""
        if watched and not self._ticks.isActive():
            self._ticks.start()
            self.probe()
        elif not watched:
            self._ticks.stop()

    @Slot()
    def probe(self) -> None:
        """Look at the memory now; while a probe has not come back, nothing is added to it."""
        if not self._is_probing:
            self._is_probing = True
            self._desk.tasks.start(self._probe_once())

    @Slot()
    def look_up(self) -> None:
        """Find out what the form's base model needs, unless that is known."""
        self._rest.stop()
        if not self._is_looking and self._is_open():
            self._is_looking = True
            self._desk.tasks.start(self._look_up())

    @Slot()
    def refresh(self) -> None:
        """A run has finished: memory is free again, its peak counts, its model is on the disk."""
        self._is_stale = True
        self.probe()
        self.look_up()

    def _question(self) -> _Question:
        config = self._form.config
        return _Question(
            config.hp.base_model.strip(),
            config.local.host_data_dir,
            self._hardware.device_for(config),
            self._form.circumstances.offline,
        )

    def _is_open(self) -> bool:
        return self._is_stale or self._question() != self._answered

    async def _probe_once(self) -> None:
        try:
            self._hardware.set_hardware(await self._desk.lanes.probes.run(self._probe.probe))
        finally:
            self._is_probing = False
        self.look_up()  # the first probe, or another card, tells on which device to calibrate

    async def _look_up(self) -> None:
        try:
            while self._is_open():
                question, self._is_stale = self._question(), False
                await self._answer(question)
                self._answered = question
        finally:
            self._is_looking = False

    async def _answer(self, question: _Question) -> None:
        model = question.model
        found = await self._desk.lanes.probes.run(self._shapes.find, model, question.data_root)
        try:
            factor = await self._desk.lanes.database.run(self._peaks.factor, model, question.device)
        except AppError:  # a database that is locked for a moment: the estimate as it is
            factor = 1.0
        self._hardware.set_factor(model, question.device, factor)
        self._hardware.set_shape(model, found.shape, found.reason)

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path in _DECISIVE:
            self._rest.start()

    @Slot()
    def _on_status_changed(self) -> None:
        self._hardware.set_training(self._status.is_live)


def _timer(parent: QObject, interval: int, *, is_single: bool = False) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval)
    timer.setSingleShot(is_single)
    return timer
