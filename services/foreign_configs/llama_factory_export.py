"""Our configuration as ``llamafactory-cli train`` of LLaMA-Factory 0.9.5 reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.foreign_config import Program
from services.foreign_configs import sheet as ours
from services.foreign_configs.sheet import Sheet

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

_COPIED = {
    "hp.epochs": "num_train_epochs",
    "hp.learning_rate": "learning_rate",
    "hp.batch_size": "per_device_train_batch_size",
    "hp.grad_accum": "gradient_accumulation_steps",
    "hp.scheduler": "lr_scheduler_type",
    "hp.warmup_ratio": "warmup_ratio",
    "hp.weight_decay": "weight_decay",
    "hp.max_grad_norm": "max_grad_norm",
    "hp.seed": "seed",
    "hp.logging_steps": "logging_steps",
    "hp.save_total_limit": "save_total_limit",
    "hp.report_to": "report_to",
}


def write(config: TrainingConfig) -> Sheet:
    """Fill the sheet of such a file."""
    sheet = Sheet(config, Program.LLAMA_FACTORY)
    sheet.copy("hp.base_model", "model_name_or_path")
    _method(sheet)
    _dataset(sheet)
    sheet.copy("hp.max_seq_length", "cutoff_len")
    _loss(sheet)
    sheet.out["output_dir"] = f"saves/{ours.folder(sheet)}"
    for path, name in _COPIED.items():
        sheet.copy(path, name)
    limit = ours.limit_of_steps(sheet)
    if limit is not None:
        sheet.out["max_steps"] = limit
    sheet.out["optim"] = ours.optimiser(sheet, "adamw_bnb_8bit")
    _numbers(sheet)
    _rhythm(sheet)
    _upload(sheet)
    ours.our_own(sheet)
    return sheet


def _method(sheet: Sheet) -> None:
    out, method = sheet.out, sheet.text("hp.method")
    out["stage"] = {"SFT": "sft", "KTO": "kto"}.get(method, "dpo")
    out["do_train"] = True
    if method == "ORPO":
        out["pref_loss"] = "orpo"
    if method != "SFT":
        sheet.copy("hp.beta", "pref_beta")
    sheet.handled.add("hp.beta")
    is_lora = sheet.text("hp.tuning") == "LoRA"
    out["finetuning_type"] = "lora" if is_lora else "full"
    adapter: dict[str, object] = {
        "lora_rank": sheet["hp.lora_r"],
        "lora_alpha": sheet["hp.lora_alpha"],
        "lora_dropout": sheet["hp.lora_dropout"],
        "lora_target": ",".join(ours.module_names(sheet)) or "all",
    }
    variant = sheet.text("hp.lora_variant")
    if variant != "LoRA":
        adapter["use_rslora" if variant == "rsLoRA" else "use_dora"] = True
    if is_lora:
        out.update(adapter)
    bits = ours.quantisation(sheet)
    if bits:
        out.update(quantization_bit=bits, quantization_method="bnb")


def _dataset(sheet: Sheet) -> None:
    split, rows = ours.hub_split(sheet)
    if ours.is_hub(sheet):
        sheet.copy("dataset.hf_repo", "dataset")
        sheet.out["dataset_dir"] = "ONLINE"  # data/parser.py: names are then repos of the Hub
        if rows is not None:
            sheet.out["max_samples"] = rows
        if split != "train":
            sheet.lost("dataset.hf_split", text="Only the split train is read so.")
        sheet.lost("dataset.hf_config", "", text="It is set in dataset_info.json there.")
    else:
        sheet.out["dataset"] = ours.dataset_name(sheet)
        text = "Export the dataset, put it into data/, and give it this name in dataset_info.json."
        sheet.changed("dataset.session", text)
    sheet.handled |= {"dataset.session", "dataset.hf_repo", "dataset.hf_config"}


def _loss(sheet: Sheet) -> None:
    only_answers, only_last = sheet.is_on("hp.assistant_only_loss"), sheet["hp.train_on"]
    packing = sheet.is_on("hp.packing")
    if sheet["hp.method"] != "SFT":
        return
    if packing:  # neat: the rows do not see each other, as here
        sheet.out.update(packing=True, neat_packing=True)
    if not only_answers:
        sheet.out["train_on_prompt"] = True
    elif only_last == "last answer":
        sheet.out["mask_history"] = True


def _numbers(sheet: Sheet) -> None:
    precision = sheet.text("hp.precision")
    if precision == "auto":
        sheet.changed("hp.precision", "It is written as bfloat16, as on a GPU.")
    if precision in {"auto", "bfloat16"}:
        sheet.out["bf16"] = True
    elif precision == "float16":
        sheet.out["fp16"] = True
    else:
        sheet.lost("hp.precision", text="There it is bfloat16, float16 or as the model says.")
    if not ours.checkpointing(sheet):
        sheet.out["disable_gradient_checkpointing"] = True


def _rhythm(sheet: Sheet) -> None:
    """When to measure and save; auto is every epoch, for theirs is every 500 steps."""
    out, share = sheet.out, ours.measures(sheet)
    sheet.lost("dataset.eval_split", "", text="Name it as eval_dataset there.")
    every, saved = sheet["hp.eval_steps"], sheet["hp.save_steps"]
    out.update({"save_steps": saved} if saved else {"save_strategy": "epoch"})
    best, patience = sheet.is_on("hp.load_best"), sheet["hp.early_stopping"]
    if not share:
        return
    out["val_size"] = share
    out.update(
        {"eval_strategy": "steps", "eval_steps": every} if every else {"eval_strategy": "epoch"}
    )
    if not _in_step(every, saved):
        text = "There it needs checkpoints at every, or every so many, evaluations."
        sheet.lost("hp.load_best", False, text=text)
        sheet.lost("hp.early_stopping", None, text=text)
    else:
        if best or patience:
            out["load_best_model_at_end"] = True
        if patience:
            out["early_stopping_steps"] = patience


def _in_step(every: object, saved: object) -> bool:
    if isinstance(every, int) and isinstance(saved, int):
        return saved % every == 0
    return every is None and saved is None


def _upload(sheet: Sheet) -> None:
    wanted, is_private = sheet.is_on("hp.push_to_hub"), sheet.is_on("hp.hub_private")
    repo = sheet.text("hp.hub_repo")
    if wanted:
        sheet.out.update(push_to_hub=True, hub_model_id=repo, hub_private_repo=is_private)
    sheet.lost("hp.hub_content", "adapter", text="Only the adapter is uploaded there.")
