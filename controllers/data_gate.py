"""Asks, before a training starts or waits, whether its data can be learnt as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.data_gate import DataRefusedError
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from controllers.desk import Desk
    from controllers.early_check import EarlyCheck
    from controllers.ports import LearningPort
    from models.domain.config import TrainingConfig
    from services.progress import Progress

START_ANYWAY, SHOW_REFUSED = "start_anyway", "show_refused"
"""What a notice's button asks for after a refusal."""


class DataGate(QObject):
    """All that starts runs goes through here, but for runs that go on.

    Signals:
        began: a check that takes time, in words.
        progressed: a Progress (payload).
        ended: no check runs any more.
        refused: the DataRefusedError (payload) that keeps a training from starting.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()
    refused = Signal(object)

    def __init__(
        self, desk: Desk, learning: LearningPort, early: EarlyCheck, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._learning = learning
        self._early = early
        early.reported.connect(self._on_reported)
        self._running: list[CancelToken] = []
        self._is_shown = False
        self._last: tuple[DataRefusedError, Callable[[], None]] | None = None
        self._accepted: set[tuple[object, ...]] = set()
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self._on_reported)

    async def passes(
        self, config: TrainingConfig, again: Callable[[], None], *, sha256: str = ""
    ) -> bool:
        """Whether this setup may start; else the user was told. AppError where the model cannot
        learn such data at all.

        ``again`` tries the same start once more, after the user has said "start anyway".
        """
        cancel = CancelToken()
        self._running.append(cancel)
        self._early.give_way(config)
        try:
            await self._desk.lanes.inspection.run(
                self._learning.gate, config, sha256=sha256, report=self._relay.report, cancel=cancel
            )
            cancel.raise_if_cancelled()  # while it waited: what is known is told all the same
        except Cancelled:
            self._desk.notices.said.emit("The check was cancelled; nothing was started")
            return False
        except DataRefusedError as error:
            if error.may_start and error.key in self._accepted:
                return True
            self._last = error, again
            self._tell(error)
            return False
        finally:
            self._running.remove(cancel)
            self._end()
        return True

    @Slot()
    def start_anyway(self) -> None:
        """Try the start that was refused last once more, with these problems accepted: until the
        program ends they refuse no start of these rows."""
        if self._last is None or not self._last[0].may_start:
            return
        (error, again), self._last = self._last, None
        self._accepted.add(error.key)
        again()

    @Slot()
    def show_again(self) -> None:
        """Show once more why the last start was refused."""
        if self._last is not None:
            self.refused.emit(self._last[0])

    @Slot()
    def cancel(self) -> None:
        """Give the checks up, and the starts with them."""
        self._early.cancel()
        for one in self._running:
            one.cancel()

    @Slot(object)
    def _on_reported(self, progress: Progress) -> None:
        if not self._running:  # the last report of a check that is over
            return
        if not self._is_shown:
            self._is_shown = True
            self.began.emit("Checking the data")
        self.progressed.emit(progress)

    def _tell(self, error: DataRefusedError) -> None:
        """Of a dataset of the library all is shown, and what to do; of another, here."""
        action: tuple[str, ...] = ()
        if error.session is not None:
            action = SHOW_REFUSED, "Show the rows"
        elif error.may_start:
            action = START_ANYWAY, "Start anyway"
        self._desk.notices.show_error("The training did not start", error, *action)
        self.refused.emit(error)

    def _end(self) -> None:
        if self._is_shown and not self._running:
            self._is_shown = False
            self.ended.emit()
