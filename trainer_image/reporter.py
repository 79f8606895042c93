"""What a run tells: its events and states, with true numbers."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image.clock import Clock
from trainer_image.contract import Phase
from trainer_image.peaks import peak_memory, process_peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer_image.checkpoints import Manifest
    from trainer_image.run_folder import EventWriter, StateWriter
    from trainer_image.steps import StepPlan

_QUIET_SECONDS = 15.0
"""After so long without an event a heartbeat comes."""
_FIGURES = ("reward_margin", "reward_accuracy")
"""What methods that compare answers measure beside the loss."""
_WORK_SECONDS = 2.0
"""So often at most it is told how far a countable piece of work is."""


Work = tuple[int, int, str]
"""How much is done, of how much in all (0: not known), in what unit."""


class Reporter:
    """Writes a run's events and states, and counts its tokens over all boots.

    :meth:`beat` may be called from another thread; all else is the main thread's.
    """

    def __init__(
        self, events: EventWriter, state: StateWriter, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._events = events
        self._state = state
        self._now = now
        self._lock = threading.RLock()
        self._phase: Phase | None = None
        self._clock = Clock(now)
        self._seconds_before = 0.0
        self._last_event = now()
        self._work: Work | None = None
        self._told_work: Work | None = None
        self._measure: Callable[[], Work] | None = None
        self._ended = False
        self.trained_tokens = 0
        self.processed_tokens = 0
        self.step = 0

    def phase(self, phase: Phase, **fields: Any) -> None:
        """The run does something else now."""
        if phase is self._phase:
            return
        self._phase, self._work = phase, None
        self._clock.enter(phase)
        self._state.write(phase)
        self._emit("phase", phase=phase, **fields)
        print(f"phase: {phase}", flush=True)  # noqa: T201 - the log is standard output

    def end(self, phase: Phase, exit_code: int, type_: str, /, **fields: Any) -> None:
        """The last event and state of this boot."""
        with self._lock:
            if phase is not Phase.FINISHED:
                self._emit("phase", phase=phase)
            self._emit(type_, **fields)
            self._ended = True
        self._state.write(phase, exit_code)

    def warn(self, message: str) -> None:
        """Something to know that does not stop the run."""
        self._emit("warning", message=message)
        print(f"warning: {message}", flush=True)  # noqa: T201

    def resume(self, manifest: Manifest) -> None:
        """Go on counting where a checkpoint left off."""
        self.trained_tokens = manifest.trained_tokens
        self.processed_tokens = manifest.processed_tokens
        self._seconds_before = manifest.seconds

    def count(self, trained: int, processed: int) -> None:
        """One more batch: tokens learnt, and tokens computed (prompts and padding too)."""
        self.trained_tokens += trained
        self.processed_tokens += processed
        self._clock.trained += trained
        self._clock.processed += processed

    def work(self, done: int, total: int, unit: str = "rows") -> None:
        """How far the present phase is, in rows, bytes …; told now and then by the heartbeat.

        Cheap, and it writes nothing itself: a signal may break off whoever calls it. ``total`` is
        0 where it is not known.
        """
        self._work = (done, total, unit)

    @contextmanager
    def watching(self, measure: Callable[[], Work]) -> Iterator[None]:
        """The same for work that nobody counts: the heartbeat asks ``measure`` how far it is."""
        self._measure = measure
        try:
            yield
        finally:
            self._measure = self._work = None

    def start_clock(self, step: int) -> None:
        """Training steps begin, after ``step`` of them in earlier boots."""
        self.step = step
        self._clock.begin(step)

    def stepped(self, step: int) -> None:
        """A step has ended."""
        self.step = step
        self._clock.stepped(step)

    @property
    def seconds(self) -> float:
        """Seconds spent in training steps, over all boots."""
        return self._seconds_before + self._clock.seconds

    def progress(
        self,
        log: dict[str, Any],
        step: int,
        plan: StepPlan,
        on_gpu: bool,
        *,
        keeps_best: bool = False,
    ) -> None:
        """One ``progress`` event, as the optimiser saw the step."""
        clock = self._clock
        self._emit(
            "progress",
            step=step,
            total_steps=plan.total,
            epoch=log["epoch"],
            loss=log["loss"],
            learning_rate=log["learning_rate"],
            grad_norm=log.get("grad_norm"),
            **{name: log[name] for name in _FIGURES if name in log},
            tokens=self.trained_tokens,
            processed_tokens=self.processed_tokens,
            tokens_per_second=clock.trained_per_second,
            processed_per_second=clock.processed_per_second,
            average_tokens_per_second=clock.average_per_second,
            peak_memory_bytes=peak_memory(on_gpu),
            process_peak_memory_bytes=process_peak_memory(),
            eta_seconds=clock.left(step, plan, keeps_best=keeps_best),
        )

    def evaluated(self, step: int, loss: float, **further: float) -> None:
        """One ``eval`` event; ``further`` are what a method measures beside the loss."""
        self._emit("eval", step=step, eval_loss=loss, **further)
        print(f"step {step}: held-out loss {loss:.4f}", flush=True)  # noqa: T201

    def saved(self, step: int, path: str) -> None:
        """One ``checkpoint`` event."""
        self._emit("checkpoint", step=step, path=path)

    def beat(self) -> None:
        """Say that the run still works where nothing else has been said for long; OSError where it
        cannot be written."""
        if (measure := self._measure) is not None:
            self._work = measure()
        with self._lock:
            if self._phase is None or self._ended or not self._is_due():
                return
            self._told_work = self._work
            self._emit("heartbeat", **self._pulse())

    def _is_due(self) -> bool:
        quiet = self._now() - self._last_event
        moved = self._work is not None and self._work != self._told_work
        return quiet >= (_WORK_SECONDS if moved else _QUIET_SECONDS)

    def _pulse(self) -> dict[str, Any]:
        is_training = self._phase is Phase.TRAINING
        seconds = self._clock.step_seconds if is_training else self._clock.phase_seconds
        pulse: dict[str, Any] = {"phase": self._phase, "step": self.step, "seconds": seconds}
        if self._work is not None:
            pulse |= dict(zip(("done", "total", "unit"), self._work, strict=True))
        return pulse

    def _emit(self, type_: str, /, **fields: Any) -> None:
        with self._lock:
            self._events.emit(type_, **fields)
            self._last_event = self._now()
