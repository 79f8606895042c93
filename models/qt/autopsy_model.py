"""The autopsy of the run that is shown, made once it has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.autopsy import autopsy, has_failed
from models.domain.remedies import MemoryFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.autopsy import Autopsy
    from models.domain.run import Run, RunEvent
    from models.qt.hardware_model import HardwareModel
    from models.qt.log_model import LogModel
    from models.qt.run_status import RunStatusModel

_KEPT = {"phase", "progress", "checkpoint", "failed"}
_ENDS = {"finished", "failed", "cancelled"}


class AutopsyModel(QObject):
    """Remembers the newest event of each kind that tells something of an end.

    Signals:
        changed: there is another autopsy, or none any more.
    """

    changed = Signal()

    def __init__(
        self, status: RunStatusModel, log: LogModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._status = status
        self._log = log
        self._hardware: HardwareModel | None = None
        self._events: dict[str, RunEvent] = {}
        self._seen: tuple[object, ...] = ()
        self.autopsy: Autopsy | None = None
        status.changed.connect(self._look)

    def set_hardware(self, hardware: HardwareModel) -> None:
        """Take where this computer's memory is known."""
        self._hardware = hardware

    def begin(self) -> None:
        """Another run is shown, from its start."""
        self._events.clear()
        self._seen = ()

    def take(self, events: Sequence[RunEvent]) -> None:
        """Keep what these events tell; before the status model takes them."""
        for event in events:
            if event.type in _KEPT and event.text("phase") not in _ENDS:
                self._events[event.type] = event

    @Slot()
    def _look(self) -> None:
        run = self._status.run
        if self._status.is_starting or (run is not None and not has_failed(run)):
            run = None
        events = tuple(self._events.values())
        seen = (run, self._log.total, events)
        if seen == self._seen:
            return
        self._seen = seen
        before, self.autopsy = self.autopsy, None
        if run is not None:
            self.autopsy = autopsy(run, events, self._log.last_lines(), self._memory(run))
        if self.autopsy != before:
            self.changed.emit()

    def _memory(self, run: Run) -> MemoryFacts:
        if self._hardware is None or not self._hardware.hardware.probed:
            return MemoryFacts()
        gpu = self._hardware.gpu_for(run.config)
        return MemoryFacts(
            total=self._hardware.hardware.ram_total, gpu=gpu.total if gpu is not None else 0
        )
