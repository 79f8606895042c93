"""A configuration of LLaMA-Factory 0.9.5 as ours: the mapping of ``llamafactory-cli train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.foreign_config import Fate, ImportedConfig, Program
from services.foreign_configs import shared
from services.foreign_configs.translation import Translation, as_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.foreign_configs.reading import Given

MARKS = frozenset(
    {"model_name_or_path", "finetuning_type", "stage", "cutoff_len", "lora_rank", "lora_target",
     "per_device_train_batch_size", "num_train_epochs", "dataset_dir", "val_size"}
)  # fmt: skip
"""Names by which such a file is recognised."""

# hparams/*.py, and of transformers' TrainingArguments where LLaMA-Factory has none of its own.
_DEFAULTS: dict[str, object] = {
    "hp.epochs": 3.0,
    "hp.learning_rate": 5e-5,
    "hp.batch_size": 8,
    "hp.grad_accum": 1,
    "hp.packing": False,
    "hp.max_seq_length": 2048,
    "hp.quantization": "none",
    "hp.lora_r": 8,
    "hp.lora_alpha": 16,
    "hp.lora_dropout": 0.0,
    "hp.scheduler": "linear",
    "hp.warmup_ratio": 0.0,
    "hp.weight_decay": 0.0,
    "hp.optimizer": "adamw_torch",
    "hp.max_grad_norm": 1.0,
    "hp.seed": 42,
    "hp.gradient_checkpointing": "on",
    "hp.load_best": False,
    "dataset.eval_percent": 0.0,
}
_COPIED = {
    "model_name_or_path": "hp.base_model",
    "learning_rate": "hp.learning_rate",
    "per_device_train_batch_size": "hp.batch_size",
    "gradient_accumulation_steps": "hp.grad_accum",
    "cutoff_len": "hp.max_seq_length",
    "lora_rank": "hp.lora_r",
    "lora_dropout": "hp.lora_dropout",
    "weight_decay": "hp.weight_decay",
    "max_grad_norm": "hp.max_grad_norm",
    "seed": "hp.seed",
    "save_total_limit": "hp.save_total_limit",
    "early_stopping_steps": "hp.early_stopping",
    "load_best_model_at_end": "hp.load_best",
    "push_to_hub": "hp.push_to_hub",
    "hub_model_id": "hp.hub_repo",
    "hub_private_repo": "hp.hub_private",
}
_UNNEEDED = {
    "do_": "What is done follows from the button that is pressed here.",
    "overwrite_output_dir": "Temper asks before an output directory is used again.",
    "overwrite_cache": shared.PREPARING,
    "preprocessing_": shared.PREPARING,
    "dataloader_": shared.SPEED,
    "tokenized_path": shared.PREPARING,
    "remove_unused_columns": shared.PREPARING,
    "cache_dir": shared.PREPARING,
    "use_fast_tokenizer": shared.PREPARING,
    "low_cpu_mem_usage": shared.SPEED,
    "flash_attn": shared.SPEED,
    "use_unsloth": shared.SPEED,
    "enable_liger_kernel": shared.SPEED,
    "use_reentrant_gc": shared.SPEED,
    "use_v1_kernels": shared.SPEED,
    "use_kv_cache": shared.SPEED,
    "ddp_": shared.SPEED,
    "plot_loss": "Temper always draws the loss.",
    "save_only_model": "Checkpoints hold all that is needed to go on.",
    "run_name": shared.REPORTS,
    "logging_dir": shared.REPORTS,
    "include_": shared.REPORTS,
    "per_device_eval_batch_size": shared.SPEED,
    "dataset_dir": "Datasets are in Temper's own library.",
}
_HINTS = {
    "deepspeed": "Training over several GPUs with DeepSpeed is not offered here.",
    "fsdp": "Training over several GPUs with FSDP is not offered here.",
    "trust_remote_code": "Temper never runs code from a model's repo.",
    "eval_dataset": "Choose a held-out split of the dataset, or a share of its rows.",
    "resume_from_checkpoint": "Start it first, or enter a checkpoint of Temper under Resume from.",
    "adapter_name_or_path": "Training goes on from an adapter only by resuming here.",
    "default_system": "Put the system message into the rows.",
    "max_samples": "Split a part of the dataset off under Datasets.",
}


def read(given: Mapping[str, Given], where: str) -> ImportedConfig:
    """Translate it. Raises ConfigError; AppError("not_offered") for another kind of training."""
    t = Translation(Program.LLAMA_FACTORY, given, where)
    t.values |= _DEFAULTS
    _method(t, where)
    for name, path in _COPIED.items():
        t.copy(name, path)
    shared.duration(t, "num_train_epochs", "max_steps")
    shared.warm_up(t, "warmup_steps", "warmup_ratio")
    shared.optimizer(t, "optim")
    shared.scheduler(t, "lr_scheduler_type")
    _adapter(t)
    _loss(t)
    _numbers(t)
    _dataset(t)
    _rhythm(t)
    shared.output(t, "output_dir")
    t.rest(_UNNEEDED, _HINTS)
    return t.result()


def _method(t: Translation, where: str) -> None:
    stage = t.text("stage") or "sft"
    if stage not in {"pt", "sft", "dpo", "kto"}:
        raise shared.not_offered(where, Program.LLAMA_FACTORY.label, f"{stage} training")
    t.values["hp.method"] = {"dpo": "DPO", "kto": "KTO"}.get(stage, "SFT")
    loss = t.text("pref_loss")
    if stage == "dpo" and loss == "orpo":
        t.values["hp.method"] = "ORPO"
    elif stage == "dpo" and loss not in {"", "sigmoid"}:
        t.note("pref_loss", Fate.LOST, "This loss is not offered here; plain DPO is set.")
    t.copy("pref_beta", "hp.beta")
    if stage == "pt":  # continued pre-training packs unless it is told not to (data/loader.py)
        t.values |= {"hp.packing": True, "hp.assistant_only_loss": False}
        t.note("stage", Fate.CHANGED, "Choose a dataset of raw text, and SFT learns all of it.")
    tuning = t.text("finetuning_type") or "lora"
    if tuning not in {"lora", "full"}:
        raise shared.not_offered(where, Program.LLAMA_FACTORY.label, f"tuning by {tuning}")
    t.values["hp.tuning"] = "full" if tuning == "full" else "LoRA"


def _adapter(t: Translation) -> None:
    rank = t.values["hp.lora_r"]
    t.values["hp.lora_alpha"] = 2 * int(str(rank))  # finetuning_args.py: unless it is given
    t.copy("lora_alpha", "hp.lora_alpha")
    shared.targets(t, "lora_target")
    shared.variant(t, "use_rslora", "use_dora")


def _loss(t: Translation) -> None:
    if t.switch("train_on_prompt"):
        t.values["hp.assistant_only_loss"] = False
    if t.switch("mask_history"):
        t.values["hp.train_on"] = "last answer"
    if t.text("template"):
        t.note("template", Fate.CHANGED, "The chat template is always the model's own here.")
    neat, packing = t.switch("neat_packing"), t.switch("packing")
    if neat or packing is not None:
        t.values["hp.packing"] = bool(neat or packing)
    if packing and not neat and t.values["hp.method"] == "SFT":
        t.note(
            "packing", Fate.CHANGED, "Packed rows do not see each other here, as in neat_packing."
        )


def _numbers(t: Translation) -> None:
    bits = t.whole("quantization_bit")
    if bits in {4, 8}:
        t.values["hp.quantization"] = f"{bits}-bit"
    elif bits is not None:
        t.note("quantization_bit", Fate.LOST, "Temper quantises to 4 or 8 bits; it is set to none.")
    if t.text("quantization_method") not in {"", "bnb", "bitsandbytes"}:
        t.note("quantization_method", Fate.LOST, "Temper quantises with bitsandbytes.")
    if t.switch("bf16") or t.switch("pure_bf16"):
        t.values["hp.precision"] = "bfloat16"
    elif t.switch("fp16"):
        t.values["hp.precision"] = "float16"
    if t.switch("disable_gradient_checkpointing"):
        t.values["hp.gradient_checkpointing"] = "off"


def _dataset(t: Translation) -> None:
    names = t.get("dataset")
    words = (
        [as_word(one) for one in names] if isinstance(names, list) else str(names or "").split(",")
    )
    words = [word.strip() for word in words if word.strip()]
    if t.text("dataset_dir") == "ONLINE" and len(words) == 1:
        samples = t.whole("max_samples")
        shared.hub_dataset(t, words[0], f"train[:{samples}]" if samples else "")
    elif words:
        text = "These names are LLaMA-Factory's own. Import the files and choose the dataset."
        t.note("dataset", Fate.LOST, text)
        if t.get("dataset_dir") is not None:
            t.note("dataset_dir", Fate.UNNEEDED, _UNNEEDED["dataset_dir"])
    shared.held_out(t, "val_size")


def _rhythm(t: Translation) -> None:
    shared.cadence(t, "eval_steps", "hp.eval_steps")
    shared.cadence(t, "save_steps", "hp.save_steps")
    for name in ("eval_strategy", "evaluation_strategy"):
        shared.strategy(t, name, "hp.eval_steps")
    shared.strategy(t, "save_strategy", "hp.save_steps")
    shared.cadence(t, "logging_steps", "hp.logging_steps")
    shared.reports(t, "report_to")
