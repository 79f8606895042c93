"""What the window says about live runs when it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.run import RunState
from models.qt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run import Run

_GOES_ON = "goes on without the window, and Temper finds {it} again at the next start"
_STOPPING = {
    "training": "Finishing the step…",
    "evaluating": "Ending the measurement…",
    "saving": "Saving a checkpoint…",
    "pushing": "Ending the upload…",
}


def question_title(runs: Sequence[Run]) -> str:
    """What the question is about."""
    return "A training is running" if len(runs) == 1 else f"{len(runs)} trainings are running"


def question_text(runs: Sequence[Run], time_left: str = "", waiting: int = 0) -> str:
    """Where they stand, and what becomes of them, and of those that wait, without the window."""
    queue = ""
    if waiting:
        queue = f" {counted(waiting, 'run waits', 'runs wait')} in the queue until Temper is open."
    return f"{_going_on(runs, time_left)}{queue}"


def _going_on(runs: Sequence[Run], time_left: str) -> str:
    if len(runs) != 1:
        names = ", ".join(_name(run) for run in runs)
        goes_on = _GOES_ON.format(it="them").replace("goes", "go")
        return f"{names} are not done yet. They {goes_on}."
    run = runs[0]
    where = f" is at step {run.step:,} of {run.total_steps:,}" if run.total_steps else " is running"
    left = f", {time_left}" if time_left and run.total_steps else ""
    return f"{_name(run)}{where}{left}. It {_GOES_ON.format(it='it')}."


def stopping_title(runs: Sequence[Run]) -> str:
    """What is waited for."""
    what = _name(runs[0]) if len(runs) == 1 else f"{len(runs)} trainings"
    return f"Stopping {what} before closing"


def stopping_text(runs: Sequence[Run]) -> str:
    """What the run that is being stopped does just now."""
    run = runs[0]
    if run.state is not RunState.STOPPING:
        return "Asking it to stop…"
    return _STOPPING.get(run.phase, "Ending…")


def _name(run: Run) -> str:
    return f"“{run.name or run.id}”"
