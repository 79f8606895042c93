"""What is trained and saved: an adapter on the base model's layers, or all of the model."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError
from trainer_image.keeping import publish
from trainer_image.run_folder import resolve
from trainer_image.stacked import put_below, save_joined
from trainer_image.whole_model import all_weights_learn, save_whole_model

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.contract import Hyperparameters, Job
    from trainer_image.trainer import Training


def made_trainable(model: Any, job: Job) -> Any:
    """The base model as the job trains it: below a fresh adapter, or with all its weights."""
    if job.hp.tuning == "full":
        return all_weights_learn(model, job.base_model)
    made = with_adapter(model, job.hp)
    if job.on_top_of:
        put_below(made, resolve(job.on_top_of))
    return made


def with_adapter(model: Any, hp: Hyperparameters) -> Any:
    """A fresh adapter on the base model; RefusedError for layers that the model does not have."""
    from peft import LoraConfig, get_peft_model

    targets = [name.strip() for name in hp.lora_targets.split(",") if name.strip()]
    config = LoraConfig(
        r=hp.lora_r,
        lora_alpha=hp.lora_alpha,
        lora_dropout=hp.lora_dropout,
        target_modules=hp.lora_targets if hp.lora_targets == "all-linear" else targets,
        use_rslora=hp.lora_variant == "rsLoRA",
        use_dora=hp.lora_variant == "DoRA",
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:  # PEFT's word for targets that the model does not have
        raise RefusedError(FailureKind.BAD_CONFIG, f"The adapter does not fit: {error}") from error


def in_float32(model: Any) -> None:
    """Adapters learn and are saved in float32: TRL puts those of quantised models in bfloat16."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def save_trained(training: Training, folder: Path) -> None:
    """Write what was learnt, the adapter or the model, so that it is never half there."""
    is_full = training.checked.job.hp.tuning == "full"
    (save_whole_model if is_full else save_adapter)(training, folder)


def save_adapter(training: Training, folder: Path) -> None:
    """Write beside the final name and rename, so that an adapter is never half there."""
    temporary = folder.with_name("adapter.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    # The folder of the base model is elsewhere in a container: the adapter names it as the job did.
    training.model.active_peft_config.base_model_name_or_path = training.checked.job.base_model
    if training.checked.job.on_top_of:
        save_joined(training.model, temporary)
    else:
        training.model.save_pretrained(temporary, save_embedding_layers=False)
    training.tokenizer.save_pretrained(temporary)
    publish(temporary, folder)
