"""A configuration of Unsloth as ours: what the Studio saves, or what ``unsloth train`` reads.

The Studio's has the sections ``training``, ``lora`` and ``logging``; model and dataset are chosen
in its window. That of the command line has ``model`` and ``data`` beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.foreign_config import ImportedConfig, Program
from services.foreign_configs import shared
from services.foreign_configs.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.foreign_configs.reading import Given

SECTIONS = frozenset({"data", "training", "lora", "logging"})
MARKS = frozenset(
    {"max_seq_length", "num_epochs", "learning_rate", "batch_size", "max_steps", "training_type",
     "gradient_accumulation_steps", "train_on_completions", "load_in_4bit", "random_seed"}
)  # fmt: skip
"""Names of the section ``training`` by which such a file is recognised."""

# unsloth_cli/config.py; optimiser and schedule are of studio/backend/models/training.py. The Studio
# keeps what is chosen in its window for what its file does not say, so then ours is kept too.
_COMMAND_LINE: dict[str, object] = {
    "hp.epochs": 3.0,
    "hp.learning_rate": 2e-4,
    "hp.batch_size": 2,
    "hp.grad_accum": 4,
    "hp.packing": False,
    "hp.max_seq_length": 2048,
    "hp.assistant_only_loss": False,
    "hp.quantization": "4-bit",
    "hp.lora_r": 64,
    "hp.lora_alpha": 16,
    "hp.lora_dropout": 0.0,
    "hp.lora_targets": shared.FAMILIAR_TARGETS.replace(",", ", "),
    "hp.scheduler": "linear",
    "hp.weight_decay": 0.01,
    "hp.optimizer": "adamw_8bit",
    "hp.seed": 3407,
    "hp.gradient_checkpointing": "on",
    "dataset.eval_percent": 0.0,
}
_COPIED = {
    "model": "hp.base_model",
    "training.learning_rate": "hp.learning_rate",
    "training.batch_size": "hp.batch_size",
    "training.gradient_accumulation_steps": "hp.grad_accum",
    "training.max_seq_length": "hp.max_seq_length",
    "training.packing": "hp.packing",
    "training.train_on_completions": "hp.assistant_only_loss",
    "training.weight_decay": "hp.weight_decay",
    "training.max_grad_norm": "hp.max_grad_norm",
    "training.random_seed": "hp.seed",
    "training.push_to_hub": "hp.push_to_hub",
    "training.hub_model_id": "hp.hub_repo",
    "lora.lora_r": "hp.lora_r",
    "lora.lora_alpha": "hp.lora_alpha",
    "lora.lora_dropout": "hp.lora_dropout",
}
_FULL, _RAW = ("full",), ("raw", "continued pretraining")
_UNNEEDED = {
    "finetune_language_layers": "Language layers are always trained.",
    "finetune_attention_modules": "LoRA targets say which layers are trained here.",
    "finetune_mlp_modules": "LoRA targets say which layers are trained here.",
    "finetune_vision_layers": "Temper trains on text.",
    "vision_": "Temper trains on text.",
    "wandb_": shared.REPORTS,
    "tensorboard_dir": shared.REPORTS,
    "inference": "Sampling is set on the Inference page.",
    "format_type": "What the columns mean is found in the rows.",
    "project_name": shared.REPORTS,
}
_HINTS = {
    "use_loftq": "LoftQ is not offered here.",
    "trust_remote_code": "Temper never runs code from a model's repo.",
    "local_dataset": "Import the files and choose the dataset.",
    "embedding_learning_rate": "There is one learning rate here.",
    "offload_": "Layers are not moved off the GPU here.",
}


def read(given: Mapping[str, Given], where: str) -> ImportedConfig:
    """Translate it. Raises ConfigError with everything that is wrong in the file."""
    t = Translation(Program.UNSLOTH, given, where, SECTIONS)
    t.values["hp.load_best"] = False  # neither has such a choice: they end with the last step
    if "model" in given or "data" in given:
        t.values |= _COMMAND_LINE
    _kind(t)
    for name, path in _COPIED.items():
        t.copy(name, path)
    shared.duration(t, "training.num_epochs", "training.max_steps")
    shared.warm_up(t, "training.warmup_steps", "training.warmup_ratio")
    shared.optimizer(t, "training.optim")
    shared.scheduler(t, "training.lr_scheduler_type")
    shared.targets(t, "lora.target_modules")
    shared.variant(t, "lora.use_rslora", "lora.use_dora")
    _memory(t)
    _rhythm(t)
    shared.output(t, "training.output_dir")
    repo = t.text("data.dataset")
    if repo:
        shared.hub_dataset(t, repo)
    t.rest(_UNNEEDED, _HINTS)
    return t.result()


def _kind(t: Translation) -> None:
    kind = t.text("training.training_type").lower()
    if kind.startswith(_FULL):
        t.values |= {"hp.tuning": "full", "hp.quantization": "none"}
    if kind in _RAW or t.text("data.format_type").lower() == "raw":
        t.values["hp.assistant_only_loss"] = False


def _memory(t: Translation) -> None:
    four = t.switch("training.load_in_4bit")
    if four is not None and t.values.get("hp.tuning") != "full":
        t.values["hp.quantization"] = "4-bit" if four else "none"
    word = t.text("training.gradient_checkpointing").lower()
    if word:
        is_off = word in {"none", "false", "0", "no", "off"}
        t.values["hp.gradient_checkpointing"] = "off" if is_off else "on"


def _rhythm(t: Translation) -> None:
    shared.cadence(t, "training.eval_steps", "hp.eval_steps")
    shared.cadence(t, "training.save_steps", "hp.save_steps")
    t.copy("training.save_total_limit", "hp.save_total_limit")
    t.copy("logging.log_frequency", "hp.logging_steps")
    if t.switch("logging.enable_tensorboard"):
        t.values["hp.report_to"] = "tensorboard"
    if t.switch("logging.enable_wandb"):
        t.values["hp.report_to"] = "wandb"
    if t.get("training.eval_steps") == 0:  # never measured there: all rows are trained on
        t.values["dataset.eval_percent"] = 0.0
