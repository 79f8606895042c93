"""What is trained and saved: an adapter on the base model's layers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.contract import Hyperparameters
    from trainer_image.trainer import Training


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


def save_adapter(training: Training, folder: Path) -> None:
    """Write beside the final name and rename, so that an adapter is never half there."""
    temporary = folder.with_name("adapter.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    # The folder of the base model is elsewhere in a container: the adapter names it as the job did.
    training.model.active_peft_config.base_model_name_or_path = training.checked.job.base_model
    training.model.save_pretrained(temporary, save_embedding_layers=False)
    training.tokenizer.save_pretrained(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
