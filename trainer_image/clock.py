"""What the time of a boot goes into, how fast it is, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from trainer_image.contract import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer_image.steps import StepPlan

_RECENT_SECONDS, _RECENT_STEPS = 60.0, 20
"""The speed "now" is that of the last minute, and of twenty steps where these take longer: rows
differ in length, and one step says little."""


class _Mark(NamedTuple):
    """What was done when a step ended; ``seconds`` are those spent in steps."""

    step: int
    seconds: float
    trained: int
    processed: int


class Clock:
    """Seconds, steps and tokens of this boot. Read by one thread while another writes: harmless."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._phase: Phase | None = None
        self._since = now()
        self._spent: dict[Phase, float] = {}
        self._visits: dict[Phase, int] = {}
        self._marks: deque[_Mark] = deque([_Mark(0, 0.0, 0, 0)])
        self._warm = False
        self.trained = 0
        self.processed = 0

    def enter(self, phase: Phase) -> None:
        """Something else is done from now on."""
        now = self._now()
        if self._phase is not None:
            spent = self._spent.get(self._phase, 0.0)
            self._spent[self._phase] = spent + now - self._since
            self._visits[self._phase] = self._visits.get(self._phase, 0) + 1
        self._phase, self._since = phase, now

    def begin(self, step: int) -> None:
        """Training steps begin, after ``step`` of them in earlier boots."""
        self._marks = deque([self._mark(step)])

    def stepped(self, step: int) -> None:
        """A step has ended."""
        mark = self._mark(step)
        if len(self._marks) == 2 and not self._warm:
            self._marks.popleft()  # the first step makes what the others find ready
            self._warm = True
        self._marks.append(mark)
        while len(self._marks) > 2 and _is_old(self._marks[1], mark):
            self._marks.popleft()

    @property
    def seconds(self) -> float:
        """Seconds in training steps, without evaluations and saving."""
        return self.spent(Phase.TRAINING)

    @property
    def phase_seconds(self) -> float:
        """Seconds since what is done now began."""
        return self._now() - self._since

    @property
    def step_seconds(self) -> float:
        """Seconds in the step that is made now."""
        return self.seconds - self._marks[-1].seconds

    def spent(self, phase: Phase) -> float:
        """Seconds of this boot in a phase."""
        now = self.phase_seconds if self._phase is phase else 0.0
        return self._spent.get(phase, 0.0) + now

    @property
    def trained_per_second(self) -> float:
        """Tokens learnt in a second of training, lately."""
        first, last = self._marks[0], self._marks[-1]
        return (last.trained - first.trained) / max(last.seconds - first.seconds, 1e-9)

    @property
    def processed_per_second(self) -> float:
        """Tokens computed in a second of training, lately."""
        first, last = self._marks[0], self._marks[-1]
        return (last.processed - first.processed) / max(last.seconds - first.seconds, 1e-9)

    @property
    def average_per_second(self) -> float:
        """Tokens learnt in a second of training, over this boot."""
        return self.trained / max(self.seconds, 1e-9)

    def left(self, step: int, plan: StepPlan, *, keeps_best: bool = False) -> float:
        """Seconds to the end of the run after ``step``: steps, evaluations, saving.

        What was not measured yet counts as nothing. With ``keeps_best`` an evaluation that finds
        the best so far saves, as most do.
        """
        first, last = self._marks[0], self._marks[-1]
        per_step = (last.seconds - first.seconds) / max(last.step - first.step, 1)
        evaluations = _due(step, plan.total, plan.eval_every) if plan.eval_every else 0
        saves = max(_due(step, plan.total, plan.save_every), evaluations if keeps_best else 0)
        return (
            per_step * (plan.total - step)
            + evaluations * self._mean(Phase.EVALUATING)
            + (saves + 1) * self._mean(Phase.SAVING)  # and the adapter itself
        )

    def _mark(self, step: int) -> _Mark:
        return _Mark(step, self.seconds, self.trained, self.processed)

    def _mean(self, phase: Phase) -> float:
        return self._spent.get(phase, 0.0) / max(self._visits.get(phase, 0), 1)


def _is_old(mark: _Mark, last: _Mark) -> bool:
    is_far = last.step - mark.step >= _RECENT_STEPS
    return is_far and last.seconds - mark.seconds >= _RECENT_SECONDS


def _due(step: int, total: int, every: int) -> int:
    """How many of the steps from ``step`` to the last are multiples of ``every`` or the last."""
    multiples = total // every - max(step - 1, 0) // every
    return multiples + (total % every != 0)
