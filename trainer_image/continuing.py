"""Going on from a checkpoint by the job's own settings, not by those that it was made with."""

from __future__ import annotations

from typing import Any


class Continuing:
    """The part of a trainer that takes up optimiser and schedule; stands before transformers'."""

    optimizer: Any
    lr_scheduler: Any
    args: Any

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        decays = [group["weight_decay"] for group in self.optimizer.param_groups]
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is not None:
            self._follow_settings(decays)

    def _follow_settings(self, decays: list[float]) -> None:
        """Give the optimiser the learning rate and the weight decay of this job at this step.

        A checkpoint brings the last values of the run that made it; where the job is another (Train
        longer), its first step would be made with those: with nothing, at the end of a cosine. For
        the same job it computes what is there already, to the bit, by the scheduler's own formula.
        """
        scheduler = getattr(self.lr_scheduler, "scheduler", self.lr_scheduler)
        rate = self.args.learning_rate
        scheduler.base_lrs = [rate] * len(scheduler.base_lrs)
        now = [rate * function(scheduler.last_epoch) for function in scheduler.lr_lambdas]
        for group, value, decay in zip(self.optimizer.param_groups, now, decays, strict=True):
            group["initial_lr"], group["lr"], group["weight_decay"] = rate, value, decay
        scheduler._last_lr = now  # what the next step's report reads
