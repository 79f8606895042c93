"""What happens between two steps: events, evaluations, checkpoints, stopping."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind, Phase
from trainer_image.failures import TrainerError

if TYPE_CHECKING:
    from trainer_image.checkpoints import Manifest
    from trainer_image.contract import Hyperparameters
    from trainer_image.run_folder import EventWriter, StateWriter
    from trainer_image.steps import StepPlan
    from trainer_image.stopping import StopRequest

History = list[dict[str, Any]]
"""The trainer's log, kept in each checkpoint, so decisions drawn from it survive a resume."""


class Reporter:
    """Writes a run's events and states, and counts its tokens over all boots."""

    def __init__(self, events: EventWriter, state: StateWriter) -> None:
        self._events = events
        self._state = state
        self._phase: Phase | None = None
        self.trained_tokens = 0
        self.processed_tokens = 0
        self._seconds_before = 0.0
        self._clock = Clock()

    def phase(self, phase: Phase, **fields: Any) -> None:
        """The run does something else now."""
        if phase is self._phase:
            return
        self._phase = phase
        self._clock.running(phase is Phase.TRAINING)
        self._state.write(phase)
        self._events.emit("phase", phase=phase, **fields)
        print(f"phase: {phase}", flush=True)  # noqa: T201 - the log is standard output

    def end(self, phase: Phase, exit_code: int, type_: str, /, **fields: Any) -> None:
        """The last event and state of this boot."""
        if phase is not Phase.FINISHED:
            self._events.emit("phase", phase=phase)
        self._events.emit(type_, **fields)
        self._state.write(phase, exit_code)

    def warn(self, message: str) -> None:
        """Something to know that does not stop the run."""
        self._events.emit("warning", message=message)
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
        self._clock.tokens += trained

    @property
    def seconds(self) -> float:
        """Seconds spent in training steps, over all boots."""
        return self._seconds_before + self._clock.seconds

    def progress(self, log: dict[str, Any], step: int, plan: StepPlan, on_gpu: bool) -> None:
        """One ``progress`` event, as the optimiser saw the step."""
        self._clock.steps = step - self._clock.first_step
        self._events.emit(
            "progress",
            step=step,
            total_steps=plan.total,
            epoch=log["epoch"],
            loss=log["loss"],
            learning_rate=log["learning_rate"],
            grad_norm=log.get("grad_norm"),
            tokens=self.trained_tokens,
            tokens_per_second=self._clock.tokens_per_second,
            peak_memory_bytes=peak_memory(on_gpu),
            eta_seconds=self._clock.seconds_per_step * (plan.total - step),
        )

    def evaluated(self, step: int, loss: float) -> None:
        """One ``eval`` event."""
        self._events.emit("eval", step=step, eval_loss=loss)
        print(f"step {step}: held-out loss {loss:.4f}", flush=True)  # noqa: T201

    def saved(self, step: int, path: str) -> None:
        """One ``checkpoint`` event."""
        self._events.emit("checkpoint", step=step, path=path)

    def start_clock(self, step: int) -> None:
        """Training steps begin, after ``step`` of them in earlier boots."""
        self._clock.first_step = step


class Clock:
    """Time spent in training steps of this boot, without evaluations and saving."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None
        self.tokens = 0
        self.steps = 0
        self.first_step = 0

    def running(self, runs: bool) -> None:
        """Start or stop; twice the same changes nothing."""
        self._before = self.seconds
        self._since = time.monotonic() if runs else None

    @property
    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since is not None else 0.0)

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / max(self.seconds, 1e-9)

    @property
    def seconds_per_step(self) -> float:
        return self.seconds / max(self.steps, 1)


def peak_memory(on_gpu: bool) -> int:
    """The most memory in bytes that was in use: the GPU's, else the process's."""
    if on_gpu:
        import torch

        return int(torch.cuda.max_memory_reserved())
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        windows: Any = psutil.Process().memory_info()
        return int(windows.peak_wset)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def held_out_losses(history: History) -> dict[int, float]:
    """The held-out loss after each step at which it was measured."""
    return {entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry}


def best_step(history: History) -> int | None:
    """The step of the lowest held-out loss, not counting the untouched base."""
    losses = {step: loss for step, loss in held_out_losses(history).items() if step > 0}
    return min(losses, key=lambda step: losses[step]) if losses else None


def evaluations_since_best(history: History) -> int:
    """How many evaluations in a row brought nothing better."""
    best = best_step(history)
    return sum(step > best for step in held_out_losses(history)) if best is not None else 0


def step_callback(
    hp: Hyperparameters, plan: StepPlan, reporter: Reporter, stop: StopRequest, *, on_gpu: bool
) -> Any:
    """The trainer's callback. Made in a function: its base class is a heavy import."""
    from transformers import TrainerCallback

    class StepCallback(TrainerCallback):  # type: ignore[misc]
        """Decides after each step; all it knows is in the trainer's state."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            reporter.start_clock(state.global_step)

        def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            reporter.phase(Phase.TRAINING)

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            control.should_evaluate = plan.evaluates_at(state.global_step)
            if stop.asked:
                control.should_save = control.should_training_stop = True

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **rest: Any
        ) -> None:
            if "loss" in logs:
                _refuse_nan(logs, state.global_step)
                reporter.progress(logs, state.global_step, plan, on_gpu)

        def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            waited = evaluations_since_best(state.log_history)
            if hp.load_best and waited == 0:
                control.should_save = True
            if hp.early_stopping is not None and waited >= hp.early_stopping:
                control.should_save = control.should_training_stop = True

    return StepCallback()


def _refuse_nan(logs: dict[str, Any], step: int) -> None:
    """Stop before a checkpoint of weights that are lost is written."""
    if not all(math.isfinite(logs.get(name, 0.0)) for name in ("loss", "grad_norm")):
        raise TrainerError(
            FailureKind.NAN_LOSS,
            f"The loss is not a number any more at step {step}.",
            "Lower the learning rate and resume from an earlier checkpoint, or start anew.",
        )
