"""Training a run longer, and a new adapter on top of one: planned, asked about, started."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from controllers.history_controller import in_words
from controllers.repeating import RepeatingController
from models.domain.errors import AppError
from models.domain.run_history import Verb
from models.qt.runs_model import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.run import Run
    from models.domain.run_history import Repetition


class OnwardController(RepeatingController):
    """Between the actions of the Runs page and the history.

    Signals:
        asked: the Repetition (payload) whose further settings the user is to choose.
    """

    asked = Signal(object)

    @Slot(object)
    def ask_longer(self, run: Run) -> None:
        """See whether it can be trained longer, then ask how far."""
        self._desk.tasks.start(self._ask(run, self._history.plan_longer, "be trained longer"))

    @Slot(object)
    def ask_on_top(self, run: Run) -> None:
        """See whether an adapter can lie on top of its adapter, then ask for its rows."""
        self._desk.tasks.start(self._ask(run, self._history.plan_on_top, "be built upon"))

    @Slot(object, object)
    def begin(self, plan: Repetition, values: dict[str, object]) -> None:
        """Start what was planned, with what was chosen; while a run is live it waits."""
        self._desk.tasks.start(self._begin(plan, values))

    async def _ask(self, run: Run, plan: Callable[[str], Repetition], what: str) -> None:
        try:
            planned = await self._desk.lanes.runs.run(plan, run.id)
        except AppError as error:
            self._desk.notices.show_error(f"{name_of(run)} cannot {what}", in_words(error))
        else:
            self.asked.emit(planned)

    async def _begin(self, plan: Repetition, values: dict[str, object]) -> None:
        with self._starting() as waits:
            try:
                chosen = await self._desk.lanes.runs.run(self._planned, plan, values)
                again, rows = partial(self.begin, plan, values), self._rows_of(chosen)
                if not await self._ask_gate(chosen, again, sha256=rows, waits=waits):
                    return
                run = await self._desk.lanes.runs.run(
                    self._history.begin_onward, chosen, queued=waits
                )
            except AppError as error:
                self._desk.notices.show_error("The training did not start", in_words(error))
            else:
                self._show(run, waits=waits)

    def _planned(self, plan: Repetition, values: dict[str, object]) -> Repetition:
        """In the lane: the plan with what the user chose."""
        if plan.verb is Verb.ON_TOP:
            return self._history.plan_on_top(plan.run_id, values=values)
        epochs = values["hp.epochs"]
        return self._history.plan_longer(plan.run_id, epochs=float(str(epochs)))

    def _rows_of(self, plan: Repetition) -> str:
        """The hash of the first run's rows, where the new one learns from the same."""
        run = self._models.runs.find(plan.run_id)
        same = run is not None and run.config.dataset == plan.config.dataset
        return run.dataset_sha256 if run is not None and same else ""
