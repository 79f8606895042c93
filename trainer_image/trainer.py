"""The training itself: TRL's trainer with our loss, our evaluation and checkpoints to trust.

The loop, the schedule and the resuming stay those of transformers, which repeat a run bit for bit
after a crash when the seed is set before the adapter is made and no data is skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from trainer_image import checkpoints, crew, world
from trainer_image.adapters import in_float32
from trainer_image.arguments import arguments
from trainer_image.attention import attends_by_rows
from trainer_image.boards import board_callbacks
from trainer_image.callbacks import (
    History,
    best_step,
    held_out_losses,
    patience_is_over,
    step_callback,
)
from trainer_image.checkpoints import Manifest
from trainer_image.continuing import Continuing
from trainer_image.contract import Phase
from trainer_image.finite import refuse_lost_weights
from trainer_image.methods import Figures, collator_of
from trainer_image.quick_steps import joined_collator
from trainer_image.sharded import Sharded, shard
from trainer_image.share import Sharing, StepShare, rounds
from trainer_image.unsloth_engine import OneSequence, OwnCount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer_image.checks import CheckedJob
    from trainer_image.collate import Item
    from trainer_image.contract import Hyperparameters
    from trainer_image.engine import Engine
    from trainer_image.objective import Objective
    from trainer_image.reporter import Reporter
    from trainer_image.steps import StepPlan
    from trainer_image.stopping import StopRequest


@dataclass(frozen=True)
class Training:
    """All that a training needs; what comes out is in the model and in the trainer's log.

    ``base_sha256`` is what was loaded as the base model (``record.loaded_signature``)."""

    checked: CheckedJob
    engine: Engine
    model: Any
    tokenizer: Any
    train: Sequence[Item]
    held_out: Sequence[Item]
    plan: StepPlan
    objective: Objective
    reporter: Reporter
    stop: StopRequest
    base_sha256: str = ""

    def run(self) -> History:
        """Train to the end, from the checkpoint if there is one; return the trainer's log."""
        start = self.checked.start.checkpoint
        trainer = trainer_of(self)
        self.stop.agree()
        self.stop.check()
        if start is not None and self._is_trained:
            self._take_up_finished(trainer, start)
        else:
            path = str(start) if start else None
            trainer.train(resume_from_checkpoint=path)
        self.stop.check()
        best = self.best_step(trainer.state.log_history)
        if best not in (None, trainer.state.global_step):
            trainer.take_adapter_of(self._checkpoint(best))
        trainer.join()
        return list(trainer.state.log_history)

    @property
    def _is_trained(self) -> bool:
        """Whether an earlier boot of this job made the last step, or stopped early.

        Whoever begins from a checkpoint of another job, or from one that he named, goes on.
        """
        start, hp = self.checked.start, self.checked.job.hp
        if start.checkpoint is None or start.manifest is None:
            return False
        if start.manifest.step >= self.plan.total:
            return True
        is_named = PurePosixPath(hp.resume_from).name == start.checkpoint.name
        if start.other_job or is_named:
            return False
        return patience_is_over(hp, _history(start.checkpoint))

    def _take_up_finished(self, trainer: Any, checkpoint: Path) -> None:
        """A boot that ended between its last step and its result: only what is missing is done."""
        from transformers import TrainerState

        trainer.take_adapter_of(checkpoint)
        trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        if self.evaluates_first:
            trainer.evaluate()

    @property
    def evaluates_first(self) -> bool:
        """Whether the loss at the first step is due: of the untouched base, or where a stop came
        between a step and its evaluation."""
        start = self.checked.start
        history = _history(start.checkpoint) if start.checkpoint else []
        step = start.manifest.step if start.manifest else 0
        return self.plan.evaluates_at(step) and step not in held_out_losses(history)

    def best_step(self, history: History) -> int | None:
        """The step whose adapter is kept, if the job wants the best and not the last."""
        # Of a step that another run's history tells of there may be no checkpoint here.
        kept = [entry for entry in history if self._checkpoint(entry.get("step")).is_dir()]
        return best_step(kept) if self.checked.job.hp.load_best else None

    def held_out_loss(self, trainer: Any) -> float:
        """The loss per held-out unit, exactly; not the mean of the batches' means."""
        import torch

        trainer.model.eval()
        total, units, size = 0.0, 0, self.checked.job.hp.batch_size
        with torch.no_grad(), trainer.compute_loss_context_manager():
            starts = range(0, len(self.held_out), size)
            batches = [self.held_out[first : first + size] for first in starts]
            self.objective.begin(trainer.model, map(trainer.batch_of, batches))
            for items, counts in rounds(batches, is_sharded=trainer.is_sharded):
                self.stop.agree()
                self._stop_if_asked(trainer)
                if items is None:
                    continue
                measured = self.objective.measure(trainer.model, trainer.batch_of(items))
                if counts:
                    total, units = total + measured.total.item(), units + measured.units
        total, all_units = crew.sums([total, units])
        return total / all_units

    def _stop_if_asked(self, trainer: Any) -> None:
        """An evaluation may be long: keep the steps before it, and leave it to the resume."""
        if self.stop.asked and trainer.state.global_step:
            trainer.save_checkpoint_now()
        self.stop.check()

    def seal(self, step: int, history: History) -> None:
        """Make the checkpoint just written valid, and remove those that are too many."""
        folder, job = self._checkpoint(step), self.checked.job
        if world.is_first():
            checkpoints.seal(folder, self._manifest(step))
            keep, best = job.hp.save_total_limit, self.best_step(history)
            checkpoints.rotate(folder.parent, keep, best)
        crew.wait()
        self.reporter.saved(step, f"{job.output_directory}/checkpoints/{folder.name}")

    def _manifest(self, step: int) -> Manifest:
        return Manifest(
            step=step,
            fingerprint=self.checked.job.fingerprint(),
            base_model=self.checked.job.base_model,
            dataset_sha256=self.checked.dataset_sha256,
            decisive=self.checked.job.decisive(),
            base_sha256=self.base_sha256,
            trained_tokens=self.reporter.trained_tokens,
            processed_tokens=self.reporter.processed_tokens,
            seconds=self.reporter.seconds,
        )

    def _checkpoint(self, step: int | None) -> Path:
        return self.checked.output.checkpoints / f"checkpoint-{step}"


def trainer_of(training: Training) -> Any:
    """The trainer that does it."""
    return _trainer_class(training.engine)(training)


def _history(checkpoint: Path) -> History:
    state = json.loads((checkpoint / "trainer_state.json").read_bytes())
    return list(state["log_history"])


def _base_class(engine: Engine) -> Any:
    """TRL's trainer; what Unsloth puts in its place would change our batches and arguments."""
    if engine.is_unsloth:
        from transformers import Trainer

        return Trainer
    from trl import SFTTrainer

    return SFTTrainer


def _trainer_class(engine: Engine) -> Any:
    """Our trainer. Made in a function: its base class is a heavy import."""
    import torch

    class TemperTrainer(
        Figures,
        Continuing,
        Sharded,
        Sharing,
        OwnCount,
        _base_class(engine),  # type: ignore[misc]
    ):
        """Takes tokenised items; its callback decides when to evaluate, save and stop."""

        def __init__(self, training: Training) -> None:
            self._training = training
            super().__init__(**_parts(training))
            self.train_dataset = training.train
            # Our loss divides by all trained tokens of a step; the loop must not divide again.
            self.model_accepts_loss_kwargs = True
            # Nor must accelerate, as transformers before 5.5.4 lets it: AdamW hardly minds; SGD,
            # clipping and a resume with another accumulation do.
            self.accelerator.gradient_accumulation_steps = 1
            in_float32(self.model)
            crew.take_from_first(self.model.parameters())
            self.is_sharded = shard(self.model, training.checked.job)
            self._share = StepShare(
                training.reporter,
                training.stop,
                self.args.seed,
                on_gpu=training.engine.on_gpu,
                is_sharded=self.is_sharded,
            )

        def compute_loss(
            self,
            model: Any,
            inputs: dict[str, Any],
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            measured = self._training.objective.measure(model, inputs)
            return self._share.count(measured) / num_items_in_batch

        def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Any:
            with self.compute_loss_context_manager():
                batches = map(self._prepare_inputs, batch_samples)
                self._training.objective.begin(self.model, batches)
            units = sum(map(self._training.objective.units, batch_samples))
            return torch.tensor(units, device=device)

        def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
            self._training.reporter.phase(Phase.EVALUATING)
            metrics = {"eval_loss": self._training.held_out_loss(self)}
            figures = self._training.objective.figures(training=False)
            self.log(metrics | figures)
            self._training.reporter.evaluated(
                self.state.global_step, metrics["eval_loss"], **figures
            )
            self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

        def batch_of(self, items: list[Item]) -> Any:
            return self._prepare_inputs(self.data_collator(items))

        def save_checkpoint_now(self) -> None:
            self._save_checkpoint(self.model, None)

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            refuse_lost_weights(model, self.state.global_step)
            self._training.reporter.phase(Phase.SAVING)
            super()._save_checkpoint(model, trial)
            self._training.seal(self.state.global_step, self.state.log_history)

        def create_model_card(self, *_: Any, **__: Any) -> None:
            """Not beside each checkpoint."""

        def take_adapter_of(self, checkpoint: Path) -> None:
            self._load_from_checkpoint(str(checkpoint))

    return TemperTrainer


def _collator(hp: Hyperparameters, pad: int, engine: Engine, model: Any) -> Any:
    """How items become a batch."""
    if hp.method == "SFT" and attends_by_rows(model):
        return joined_collator(model)
    collate = collator_of(hp, pad)
    return OneSequence(collate) if engine.is_unsloth and hp.packs else collate


def _parts(training: Training) -> dict[str, Any]:
    from datasets import Dataset

    hp, pad = training.checked.job.hp, training.tokenizer.pad_token_id
    decisions = step_callback(hp, training.plan, training.reporter, training.stop, training.engine)
    return {
        "model": training.model,
        "args": arguments(training),
        "train_dataset": Dataset.from_list(training.train[:1]),  # TRL takes no other kind
        "data_collator": _collator(hp, pad, training.engine, training.model),
        "processing_class": training.tokenizer,
        "callbacks": [decisions, *board_callbacks(training)],
    }
