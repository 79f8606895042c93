"""Our configuration as Axolotl 0.19.0 reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.foreign_config import Program
from services.foreign_configs import sheet as ours
from services.foreign_configs.sheet import Sheet

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

_COPIED = {
    "hp.batch_size": "micro_batch_size",
    "hp.grad_accum": "gradient_accumulation_steps",
    "hp.epochs": "num_epochs",
    "hp.learning_rate": "learning_rate",
    "hp.scheduler": "lr_scheduler",
    "hp.warmup_ratio": "warmup_ratio",
    "hp.weight_decay": "weight_decay",
    "hp.max_grad_norm": "max_grad_norm",
    "hp.seed": "seed",
    "hp.logging_steps": "logging_steps",
    "hp.save_total_limit": "save_total_limit",
}
_TYPES = {"SFT": "chat_template", "DPO": "chat_template.default", "ORPO": "chat_template.argilla"}


def write(config: TrainingConfig) -> Sheet:
    """Fill the sheet of such a file."""
    sheet = Sheet(config, Program.AXOLOTL)
    sheet.copy("hp.base_model", "base_model")
    _method(sheet)
    _dataset(sheet)
    sheet.copy("hp.max_seq_length", "sequence_len")
    sheet.out["excess_length_strategy"] = "truncate"
    _loss(sheet)
    sheet.out["output_dir"] = f"./outputs/{ours.folder(sheet)}"
    for path, name in _COPIED.items():
        sheet.copy(path, name)
    limit = ours.limit_of_steps(sheet)
    if limit is not None:
        sheet.out["max_steps"] = limit
    sheet.out["optimizer"] = ours.optimiser(sheet, "adamw_bnb_8bit")
    _numbers(sheet)
    _rhythm(sheet)
    _reports(sheet)
    ours.our_own(sheet)
    return sheet


def _method(sheet: Sheet) -> None:
    out, method = sheet.out, sheet.text("hp.method")
    if method != "SFT":
        out["rl"] = method.lower()
        sheet.copy("hp.beta", "orpo_alpha" if method == "ORPO" else "rl_beta")
    sheet.handled.add("hp.beta")
    bits = ours.quantisation(sheet)
    out.update(load_in_4bit=bits == 4, load_in_8bit=bits == 8)
    names = ours.module_names(sheet)
    adapter: dict[str, object] = {
        "adapter": "qlora" if bits == 4 else "lora",
        "lora_r": sheet["hp.lora_r"],
        "lora_alpha": sheet["hp.lora_alpha"],
        "lora_dropout": sheet["hp.lora_dropout"],
        **({"lora_target_modules": names} if names else {"lora_target_linear": True}),
    }
    variant = sheet.text("hp.lora_variant")
    if variant != "LoRA":
        adapter["peft_use_rslora" if variant == "rsLoRA" else "peft_use_dora"] = True
    if sheet.text("hp.tuning") == "LoRA":
        out.update(adapter)


def _dataset(sheet: Sheet) -> None:
    kind = _TYPES.get(sheet.text("hp.method"))
    entry: dict[str, object] = {}
    config, split = sheet.text("dataset.hf_config"), sheet.text("dataset.hf_split")
    repo, name = sheet.text("dataset.hf_repo"), ours.dataset_name(sheet)
    if ours.is_hub(sheet):
        entry = {"path": repo, "split": split, **({"name": config} if config else {})}
        path = "dataset.hf_repo"
        text = "Its type is written as chat_template: change it where the rows hold no messages."
    else:
        entry = {"path": f"{name}.jsonl", "ds_type": "json"}
        path = "dataset.session"
        text = "Export the dataset under this name; change its type where rows hold no messages."
    sheet.out["datasets"] = [{**entry, **({"type": kind} if kind else {})}]
    sheet.changed(path, text)


def _loss(sheet: Sheet) -> None:
    packs = sheet.is_on("hp.packing") and sheet["hp.method"] == "SFT"
    sheet.out["sample_packing"] = packs
    if packs:  # validation.py: with other attention packed rows see each other
        sheet.out["attn_implementation"] = "flash_attention_2"
    sheet.out["train_on_inputs"] = not sheet.is_on("hp.assistant_only_loss")
    sheet.lost("hp.train_on", "every answer", text="All answers are learnt there.")


def _numbers(sheet: Sheet) -> None:
    names = {"bfloat16": "bf16", "float16": "fp16", "float32": "float32"}
    precision = sheet.text("hp.precision")
    if precision in names:
        sheet.out[names[precision]] = True
    else:
        sheet.out["bf16"] = "auto"
    sheet.out["gradient_checkpointing"] = ours.checkpointing(sheet)


def _rhythm(sheet: Sheet) -> None:
    out, share = sheet.out, ours.measures(sheet)
    every, saved = sheet["hp.eval_steps"], sheet["hp.save_steps"]
    sheet.lost("dataset.eval_split", "", text="Name it under test_datasets there.")
    out.update({"save_steps": saved} if saved else {"saves_per_epoch": 1})
    out["val_set_size"] = share
    best, patience = sheet.is_on("hp.load_best"), sheet["hp.early_stopping"]
    if not share:
        return
    out.update({"eval_steps": every} if every else {"evals_per_epoch": 1})
    if isinstance(every, int) and isinstance(saved, int) and saved % every == 0:
        if best or patience:
            out["load_best_model_at_end"] = True
        if patience:
            out["early_stopping_patience"] = patience
    else:
        text = "There it needs both Evaluate every and Save every, the latter a multiple."
        sheet.lost("hp.load_best", False, text=text)
        sheet.lost("hp.early_stopping", None, text=text)


def _reports(sheet: Sheet) -> None:
    word = sheet.text("hp.report_to")
    if word == "tensorboard":
        sheet.out["use_tensorboard"] = True
    elif word == "wandb":
        sheet.out["wandb_project"] = "temper"
    repo, is_private = sheet.text("hp.hub_repo"), sheet.is_on("hp.hub_private")
    if sheet.is_on("hp.push_to_hub"):
        sheet.out["hub_model_id"] = repo
        if not is_private:  # core/builders/base.py: always private
            sheet.lost("hp.hub_private", True, text="Repos are always made private there.")
    sheet.lost("hp.hub_content", "adapter", text="Only the adapter is uploaded there.")
