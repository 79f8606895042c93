"""What happens between two steps: events, evaluations, checkpoints, stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer_image.contract import Phase
from trainer_image.finite import refuse_lost_loss

if TYPE_CHECKING:
    from trainer_image.contract import Hyperparameters
    from trainer_image.engine import Engine
    from trainer_image.reporter import Reporter
    from trainer_image.steps import StepPlan
    from trainer_image.stopping import StopRequest

History = list[dict[str, Any]]
"""The trainer's log, kept in each checkpoint, so decisions drawn from it survive a resume."""


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


def patience_is_over(hp: Hyperparameters, history: History) -> bool:
    """Whether early stopping ends the run after this history."""
    return hp.early_stopping is not None and evaluations_since_best(history) >= hp.early_stopping


def step_callback(
    hp: Hyperparameters, plan: StepPlan, reporter: Reporter, stop: StopRequest, engine: Engine
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
            reporter.stepped(state.global_step)
            control.should_evaluate = plan.evaluates_at(state.global_step)
            if stop.asked:
                control.should_save = control.should_training_stop = True

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **rest: Any
        ) -> None:
            if "loss" in logs:
                is_scaled = engine.precision == "float16"
                refuse_lost_loss(logs, state.global_step, is_scaled=is_scaled)
                reporter.progress(
                    logs, state.global_step, plan, engine.on_gpu, keeps_best=hp.load_best
                )

        def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if hp.load_best and evaluations_since_best(state.log_history) == 0:
                control.should_save = True
            if patience_is_over(hp, state.log_history):
                control.should_save = control.should_training_stop = True

    return StepCallback()
