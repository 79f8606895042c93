"""A job's settings in the words of the training library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer_image import world

if TYPE_CHECKING:
    from trainer_image.contract import Hyperparameters
    from trainer_image.engine import Engine
    from trainer_image.trainer import Training


def arguments(training: Training) -> Any:
    """The job in TRL's words; with Unsloth in transformers' own, as the trainer is then."""
    job, engine, plan = training.checked.job, training.engine, training.plan
    hp = job.hp
    kind, more = _kind(engine)
    return kind(
        output_dir=str(training.checked.output.checkpoints),
        max_steps=plan.total,
        per_device_train_batch_size=hp.batch_size,
        gradient_accumulation_steps=hp.grad_accum * job.crew,
        learning_rate=hp.learning_rate,
        lr_scheduler_type=hp.scheduler,
        warmup_steps=plan.warmup,
        weight_decay=hp.weight_decay,
        optim=optimizer_of(hp, engine),
        max_grad_norm=hp.max_grad_norm,
        seed=hp.seed,
        bf16=engine.precision == "bfloat16",
        fp16=engine.precision == "float16",
        use_cpu=not engine.on_gpu,
        gradient_checkpointing=_checkpointing(hp.gradient_checkpointing, engine),
        eval_on_start=training.evaluates_first,
        save_strategy="steps",
        save_steps=plan.save_every,
        logging_steps=hp.logging_steps,
        logging_nan_inf_filter=False,
        report_to="none",  # trainer_image/boards.py does
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=engine.on_gpu,
        **more,
    )


def _kind(engine: Engine) -> tuple[Any, dict[str, Any]]:
    """The class of the arguments, and those that only TRL's has."""
    if engine.is_unsloth:
        from transformers import TrainingArguments

        return TrainingArguments, {}
    from trl import SFTConfig

    return SFTConfig, {"dataset_kwargs": {"skip_prepare_dataset": True}, "loss_type": "nll"}


def optimizer_of(hp: Hyperparameters, engine: Engine) -> str:
    """On a GPU the states in 8 bits save memory; on a processor they would only cost time."""
    if hp.optimizer != "auto":
        return hp.optimizer
    divided = hp.tuning == "full" and world.size() > 1  # states in 8 bits cannot be
    return "adamw_8bit" if engine.on_gpu and not divided else "adamw_torch"


def _checkpointing(choice: str, engine: Engine) -> bool:
    """Computing activations twice saves memory, which is scarce on a GPU; time is on a CPU.
    Unsloth has a way of its own, which is in its model already and which this would replace."""
    if engine.is_unsloth:
        return False
    return engine.on_gpu if choice == "auto" else choice == "on"
