"""Our configuration as Unsloth Studio imports it, in sections; ``yaml-config.ts`` reads it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.domain.foreign_config import Program
from services.foreign_configs import sheet as ours
from services.foreign_configs.shared import FAMILIAR_TARGETS
from services.foreign_configs.sheet import Sheet

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

_TRAINING = {
    "hp.max_seq_length": "max_seq_length",
    "hp.learning_rate": "learning_rate",
    "hp.batch_size": "batch_size",
    "hp.grad_accum": "gradient_accumulation_steps",
    "hp.save_steps": "save_steps",
    "hp.save_total_limit": "save_total_limit",
    "hp.weight_decay": "weight_decay",
    "hp.seed": "random_seed",
    "hp.packing": "packing",
    "hp.assistant_only_loss": "train_on_completions",
    "hp.scheduler": "lr_scheduler_type",
}
_IN_WINDOW = "It is chosen in the Studio's window, not in its file."


def write(config: TrainingConfig) -> Sheet:
    """Fill the sheet of such a file."""
    sheet = Sheet(config, Program.UNSLOTH)
    training: dict[str, object] = {name: sheet[path] for path, name in _TRAINING.items()}
    training |= _steps(sheet)
    if not ours.measures(sheet):
        training["eval_steps"] = 0
    training["optim"] = ours.optimiser(sheet, "adamw_8bit")
    training["gradient_checkpointing"] = "unsloth" if ours.checkpointing(sheet) else "none"
    sheet.out["training"] = {name: value for name, value in training.items() if value is not None}
    sheet.out["lora"] = _lora(sheet)
    sheet.out["logging"] = {
        "enable_wandb": sheet["hp.report_to"] == "wandb",
        "enable_tensorboard": sheet["hp.report_to"] == "tensorboard",
        "log_frequency": sheet["hp.logging_steps"],
    }
    _tell(sheet)
    ours.our_own(sheet)
    return sheet


def _steps(sheet: Sheet) -> dict[str, object]:
    """Epochs or steps, one of them 0. What is a share of the steps needs their number."""
    epochs, share = sheet.config.hp.epochs, sheet.config.hp.warmup_ratio
    limit, every = ours.limit_of_steps(sheet), sheet.config.hp.eval_steps
    sheet.handled |= {"hp.epochs", "hp.warmup_ratio", "hp.eval_steps"}
    if limit is not None:
        steps: dict[str, object] = {"num_epochs": 0, "max_steps": limit}
        steps["warmup_steps"] = math.ceil(share * limit)
        steps["eval_steps"] = round(min(1.0, every / limit), 4) if every else None
        return steps
    if epochs != int(epochs):
        sheet.changed("hp.epochs", "The Studio takes whole epochs; it is rounded up.")
    sheet.lost("hp.warmup_ratio", 0.0, text="The Studio counts its steps: set them there.")
    sheet.lost("hp.eval_steps", None, text="The Studio takes a share of all steps: set it there.")
    steps = {"num_epochs": math.ceil(epochs), "max_steps": 0}
    return steps if share else {**steps, "warmup_steps": 0}


def _lora(sheet: Sheet) -> dict[str, object]:
    names, variant = ours.module_names(sheet), sheet.text("hp.lora_variant")
    if not names and sheet["hp.tuning"] == "LoRA":
        sheet.changed("hp.lora_targets", "It is written as the seven linear layers of most models.")
    return {
        "lora_r": sheet["hp.lora_r"],
        "lora_alpha": sheet["hp.lora_alpha"],
        "lora_dropout": sheet["hp.lora_dropout"],
        "target_modules": names or FAMILIAR_TARGETS.split(","),
        "use_rslora": variant == "rsLoRA",
        "use_loftq": False,
        "use_dora": variant == "DoRA",
    }


def _tell(sheet: Sheet) -> None:
    """What the Studio's file has no place for."""
    sheet.lost("hp.base_model", "", text=_IN_WINDOW)
    is_hub = ours.is_hub(sheet)
    sheet.lost("dataset.hf_repo" if is_hub else "dataset.session", "", text=_IN_WINDOW)
    sheet.handled |= {"dataset.hf_split", "dataset.hf_config", "output.directory"}
    sheet.handled |= {"dataset.hf_repo", "dataset.session", "hp.hub_private"}
    sheet.lost("dataset.eval_percent", 0.0, text=_IN_WINDOW)
    sheet.lost("dataset.eval_split", "", text=_IN_WINDOW)
    sheet.lost("hp.method", "SFT", text=_IN_WINDOW)
    if sheet["hp.method"] != "SFT":
        sheet.lost("hp.beta", 0.1, text=_IN_WINDOW)
    sheet.handled.add("hp.beta")
    sheet.lost("hp.tuning", "LoRA", text=_IN_WINDOW)
    sheet.lost("hp.quantization", "auto", text=_IN_WINDOW)
    sheet.lost("hp.train_on", "every answer", text="All answers are learnt there.")
    sheet.lost("hp.max_grad_norm", 1.0)
    sheet.lost("hp.precision", "auto", text="The Studio chooses it by the GPU.")
    sheet.lost("hp.early_stopping", None)
    sheet.lost("hp.load_best", False)
    sheet.lost("hp.push_to_hub", False, text="Upload it from the Studio's window.")
    sheet.lost("hp.hub_content", "adapter", text="Upload it from the Studio's window.")
    sheet.handled.add("hp.hub_repo")
