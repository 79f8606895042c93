"""A configuration of Axolotl 0.19.0 as ours: a mapping with a list of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.foreign_config import Fate, ImportedConfig, Program
from services.foreign_configs import shared
from services.foreign_configs.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.foreign_configs.reading import Given

MARKS = frozenset(
    {"base_model", "micro_batch_size", "sequence_len", "datasets", "adapter", "sample_packing",
     "lora_r", "lora_target_linear", "lora_target_modules", "val_set_size", "num_epochs"}
)  # fmt: skip
"""Names by which such a file is recognised."""

# schemas/training.py, config.py, peft.py; the warm-up is of core/builders/base.py, the optimiser's
# limit on gradients and what is not there of transformers' TrainingArguments.
_DEFAULTS: dict[str, object] = {
    "hp.epochs": 1.0,
    "hp.batch_size": 1,
    "hp.grad_accum": 1,
    "hp.packing": False,
    "hp.max_seq_length": 512,
    "hp.quantization": "none",
    "hp.lora_dropout": 0.0,
    "hp.scheduler": "cosine",
    "hp.warmup_ratio": 0.03,
    "hp.weight_decay": 0.0,
    "hp.optimizer": "adamw_torch",
    "hp.max_grad_norm": 1.0,
    "hp.seed": 42,
    "hp.gradient_checkpointing": "off",
    "hp.load_best": False,
    "dataset.eval_percent": 0.0,
}
_COPIED = {
    "base_model": "hp.base_model",
    "learning_rate": "hp.learning_rate",
    "micro_batch_size": "hp.batch_size",
    "sequence_len": "hp.max_seq_length",
    "sample_packing": "hp.packing",
    "lora_r": "hp.lora_r",
    "lora_alpha": "hp.lora_alpha",
    "lora_dropout": "hp.lora_dropout",
    "weight_decay": "hp.weight_decay",
    "max_grad_norm": "hp.max_grad_norm",
    "seed": "hp.seed",
    "save_total_limit": "hp.save_total_limit",
    "early_stopping_patience": "hp.early_stopping",
    "load_best_model_at_end": "hp.load_best",
}
_METHODS = {"": "SFT", "dpo": "DPO", "orpo": "ORPO", "kto": "KTO"}
_UNNEEDED = {
    "dataset_prepared_path": shared.PREPARING,
    "dataset_processes": shared.SPEED,
    "dataset_num_proc": shared.SPEED,
    "dataloader_": shared.SPEED,
    "shuffle_": "Rows are always shuffled here.",
    "skip_prepare_dataset": shared.PREPARING,
    "remove_unused_columns": shared.PREPARING,
    "eval_sample_packing": shared.SPEED,
    "eval_batch_size": shared.SPEED,
    "pad_to_sequence_len": shared.SPEED,
    "sample_packing_": shared.SPEED,
    "flash_": shared.SPEED,
    "sdp_attention": shared.SPEED,
    "xformers_attention": shared.SPEED,
    "flex_attention": shared.SPEED,
    "attn_implementation": shared.SPEED,
    "lora_mlp_kernel": shared.SPEED,
    "lora_qkv_kernel": shared.SPEED,
    "lora_o_kernel": shared.SPEED,
    "liger_": shared.SPEED,
    "torch_compile": shared.SPEED,
    "cut_cross_entropy": shared.SPEED,
    "activation_offloading": shared.SPEED,
    "use_kernels": shared.SPEED,
    "experts_implementation": shared.SPEED,
    "low_cpu_mem_usage": shared.SPEED,
    "quantize_moe_experts": shared.SPEED,
    "tf32": shared.SPEED,
    "ddp": shared.SPEED,
    "gradient_checkpointing_kwargs": shared.SPEED,
    "model_type": "The kind of model is found in its files.",
    "tokenizer_type": "The kind of tokeniser is found in the model's files.",
    "processor_type": "Temper trains on text.",
    "tokenizer_use_fast": shared.PREPARING,
    "is_": "The kind of model is found in its files.",
    "strict": "Axolotl's own check of its file.",
    "debug": shared.REPORTS,
    "wandb_": shared.REPORTS,
    "mlflow_": shared.REPORTS,
    "include_": shared.REPORTS,
    "save_safetensors": "Adapters are always saved so.",
    "save_only_model": "Checkpoints hold all that is needed to go on.",
    "save_first_step": "It only tries out saving.",
    "hub_strategy": "The result is uploaded when the run has finished.",
    "hf_use_auth_token": "Switch on Pass HF token if the model or dataset needs it.",
}
_HINTS = {
    "deepspeed": "Training over several GPUs with DeepSpeed is not offered here.",
    "fsdp": "Training over several GPUs with FSDP is not offered here.",
    "trust_remote_code": "Temper never runs code from a model's repo.",
    "test_datasets": "Choose a held-out split of the dataset, or a share of its rows.",
    "special_tokens": "The tokens are always the model's own here.",
    "tokens": "The tokens are always the model's own here.",
    "lora_modules_to_save": "Only the adapter is trained here, no whole layers beside it.",
    "lora_model_dir": "Training goes on from an adapter only by resuming here.",
    "resume_from_checkpoint": "Start it first, or enter a checkpoint of Temper under Resume from.",
    "plugins": "Plugins of Axolotl do not run here.",
    "group_by_length": "Rows come in a random order here.",
}


def read(given: Mapping[str, Given], where: str) -> ImportedConfig:
    """Translate it. Raises ConfigError; AppError("not_offered") for another kind of training."""
    t = Translation(Program.AXOLOTL, given, where)
    t.values |= _DEFAULTS
    _method(t, where)
    for name, path in _COPIED.items():
        t.copy(name, path)
    shared.duration(t, "num_epochs", "max_steps")
    shared.warm_up(t, "warmup_steps", "warmup_ratio")
    shared.optimizer(t, "optimizer")
    shared.scheduler(t, "lr_scheduler")
    _batches(t)
    _adapter(t)
    _numbers(t)
    _rows(t)
    _dataset(t)
    _rhythm(t)
    shared.output(t, "output_dir")
    _upload(t)
    t.rest(_UNNEEDED, _HINTS)
    return t.result()


def _method(t: Translation, where: str) -> None:
    rl = t.text("rl").lower()
    wanted = [name for name in ("reward_model", "process_reward_model") if t.switch(name)]
    if rl not in _METHODS or wanted:
        what = f"{rl} training" if rl not in _METHODS else "a reward model"
        raise shared.not_offered(where, Program.AXOLOTL.label, what)
    t.values["hp.method"] = _METHODS[rl]
    t.copy("rl_beta", "hp.beta")
    t.copy("orpo_alpha", "hp.beta")
    adapter = t.text("adapter").lower()
    if adapter not in {"", "lora", "qlora"}:
        raise shared.not_offered(where, Program.AXOLOTL.label, f"tuning by {adapter}")
    t.values["hp.tuning"] = "LoRA" if adapter else "full"


def _batches(t: Translation) -> None:
    t.copy("gradient_accumulation_steps", "hp.grad_accum")
    total, own = t.whole("batch_size"), t.whole("micro_batch_size")
    if total and own and t.get("gradient_accumulation_steps") is None:  # utils/config/__init__.py
        t.set("hp.grad_accum", max(1, total // own), "batch_size")


def _adapter(t: Translation) -> None:
    shared.targets(t, "lora_target_modules")
    if t.switch("lora_target_linear"):
        t.values["hp.lora_targets"] = "all-linear"
    shared.variant(t, "peft_use_rslora", "peft_use_dora")


def _numbers(t: Translation) -> None:
    if t.switch("load_in_4bit"):
        t.values["hp.quantization"] = "4-bit"
    elif t.switch("load_in_8bit"):
        t.values["hp.quantization"] = "8-bit"
    precisions = {
        "bf16": "bfloat16",
        "bfloat16": "bfloat16",
        "fp16": "float16",
        "float16": "float16",
    }
    for name, precision in {**precisions, "float32": "float32"}.items():
        if t.text(name).lower() in {"true", "full"}:
            t.values["hp.precision"] = precision
            break
    word = t.text("gradient_checkpointing").lower()
    if word and word != "false":
        t.values["hp.gradient_checkpointing"] = "on"
    if word not in {"", "false", "true"}:
        text = "Checkpointing is on; what it keeps stays on the GPU here."
        t.note("gradient_checkpointing", Fate.CHANGED, text)


def _rows(t: Translation) -> None:
    if t.switch("train_on_inputs"):
        t.values["hp.assistant_only_loss"] = False
    if t.text("excess_length_strategy") != "truncate":
        text = (
            "Rows that are too long are cut here. Axolotl leaves them out unless it is told to cut."
        )
        t.note("excess_length_strategy", Fate.CHANGED, text)
    if t.text("chat_template") not in {"", "tokenizer_default"}:
        t.note("chat_template", Fate.CHANGED, "The chat template is always the model's own here.")
    shared.held_out(t, "val_set_size")


def _dataset(t: Translation) -> None:
    for name in ("datasets", "pretraining_dataset"):
        value = t.get(name)
        if value is None:
            continue
        entries = value if isinstance(value, list) else [value]
        one = entries[0] if len(entries) == 1 and isinstance(entries[0], dict) else {}
        if not _take_from_hub(t, one):
            text = "Import the files, merge them where there are several, and choose the dataset."
            t.note(name, Fate.LOST, text)
            continue
        known = {"path", "split", "name", "type"}
        left = ", ".join(str(key) for key, found in one.items() if key not in known and found)
        text = "What the columns mean is found in the rows. Check it in what the model will learn."
        t.note(name, Fate.CHANGED, f"Not taken over: {left}. {text}" if left else text)


def _take_from_hub(t: Translation, entry: Mapping[str, object]) -> bool:
    path, split = str(entry.get("path") or ""), str(entry.get("split") or "")
    is_repo = path.count("/") == 1 and not path.startswith((".", "/", "~")) and "://" not in path
    if not is_repo or entry.get("data_files") or path.endswith((".json", ".jsonl", ".parquet")):
        return False
    shared.hub_dataset(t, path, split, str(entry.get("name") or ""))
    return True


def _rhythm(t: Translation) -> None:
    for name, path in (("evals_per_epoch", "hp.eval_steps"), ("saves_per_epoch", "hp.save_steps")):
        if t.get(name) is not None:
            text = "This is chosen by the number of steps here; it is set to auto."
            t.note(name, Fate.CHANGED, text)
            t.values.pop(path, None)
    shared.cadence(t, "eval_steps", "hp.eval_steps")
    shared.cadence(t, "save_steps", "hp.save_steps")
    shared.strategy(t, "eval_strategy", "hp.eval_steps")
    shared.strategy(t, "save_strategy", "hp.save_steps")
    t.copy("logging_steps", "hp.logging_steps")
    if t.switch("use_tensorboard"):
        t.values["hp.report_to"] = "tensorboard"
    if t.switch("use_wandb") or t.text("wandb_project"):
        t.values["hp.report_to"] = "wandb"


def _upload(t: Translation) -> None:
    repo = t.text("hub_model_id")
    if repo:  # a name alone switches the upload on
        t.set("hp.hub_repo", repo, "hub_model_id")
        t.values["hp.push_to_hub"] = True
