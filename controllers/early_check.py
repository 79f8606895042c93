"""Looks at the data of the setup in the form before a start asks for it, unseen."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.config import TARGET_LOCAL
from models.qt.learning_words import learning_setup
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import EarlyPort
    from models.domain.config import TrainingConfig
    from models.qt.app_models import AppModels

_REST_MS = 1_000
"""So long the choice must have stood: somebody who tries models one after the other is still
choosing."""
_log = logging.getLogger(__name__)

Choice = tuple[object, ...]


def choice_of(config: TrainingConfig) -> Choice:
    """All of a setup that a look at its data depends on."""
    dataset = config.dataset
    return (
        *learning_setup(config), dataset.source, dataset.session.strip(), config.local.host_data_dir
    )  # fmt: skip


class EarlyCheck(QObject):
    """One look for each choice, in the lane in which a start looks: so a start waits for the one
    that runs, and then finds its report. Nothing is told but to a start that waits; what goes wrong
    here is told by the start, which looks itself.

    Signals:
        reported: how far the look is that runs, a Progress (payload).
    """

    reported = Signal(object)

    def __init__(self, desk: Desk, models: AppModels, early: EarlyPort, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._form, self._status, self._runs = models.form, models.run.status, models.runs
        self._early = early
        self._looked: set[Choice] = set()
        self._running: tuple[Choice, CancelToken] | None = None
        self._was_live = False
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.reported)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MS)
        self._timer.timeout.connect(self.look)
        self._form.value_changed.connect(self.rest)
        self._form.reset.connect(self.rest)
        self._status.changed.connect(self._on_run_changed)

    @Slot()
    def rest(self) -> None:
        """Something may be chosen now that was not, or be here: look when it has stood a while."""
        self._end_other(choice_of(self._form.config))
        self._timer.start()

    @Slot()
    def look(self) -> None:
        """Look now, where that was not done for this choice and is of use."""
        config = self._form.config
        choice = choice_of(config)
        if self._running is not None:
            if self._running[0] != choice:  # it was told to end, and is about to
                self._timer.start()
            return
        if choice not in self._looked and not self._form.problems() and not self._trains():
            self._running = choice, CancelToken()
            self._desk.tasks.start(self._look(config, *self._running))

    def give_way(self, config: TrainingConfig) -> None:
        """A start looks at this setup now: another look ends, and none is begun for the same."""
        self._timer.stop()
        self._looked.add(choice_of(config))
        self._end_other(choice_of(config))

    def cancel(self) -> None:
        """Give it up."""
        self._timer.stop()
        if self._running is not None:
            self._running[1].cancel()

    async def _look(self, config: TrainingConfig, choice: Choice, cancel: CancelToken) -> None:
        try:
            is_done = await self._desk.lanes.inspection.run(
                self._early.look, config, report=self._relay.report, cancel=cancel
            )
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - nobody asked for it: whatever it is, a start tells
            _log.info("The data was not looked at before a start: %s", error)
            self._looked.add(choice)
        else:
            if is_done:  # else what it needs may come
                self._looked.add(choice)
        finally:
            self._running = None

    def _end_other(self, choice: Choice) -> None:
        if self._running is not None and self._running[0] != choice:
            self._running[1].cancel()

    def _trains(self) -> bool:
        """Whether this computer is needed for a training, or is about to be."""
        shown = [self._status.run] if self._status.run is not None else []
        return self._status.is_starting or any(
            run.state.is_live and run.config.training.target == TARGET_LOCAL
            for run in (*shown, *self._runs.items)
        )

    @Slot()
    def _on_run_changed(self) -> None:
        """A training has ended: there is room for a look."""
        run = self._status.run
        was_live, self._was_live = self._was_live, run is not None and run.state.is_live
        if was_live and not self._was_live:
            self._timer.start()
