"""Our losses of compared answers beside TRL's own on the same batches: ``MODEL``."""

import contextlib
import json
import os
import sys
import tempfile
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from trainer_image.contract import Hyperparameters
from trainer_image.data import Recipe, encode
from trainer_image.methods import collator_of, objective_of
from trainer_image.preference_items import compared
from trainer_image.preference_reference import ask_beforehand
from trainer_image.row_formats import DatasetFormat

BETA = 0.3
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
pad = tokenizer.pad_token_id
pairs = [
    {"prompt": "Why? " * n, "chosen": f"Because of {n}. " * (5 - n), "rejected": f"No {n}." * n}
    for n in range(1, 5)
]
answers = [
    {"prompt": "Why? " * n, "completion": f"Because of {n}. " * (5 - n), "label": n % 2 == 1}
    for n in range(1, 5)
]


def load() -> Any:
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
    config = LoraConfig(target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(base, config).eval()


def recipe(format_: DatasetFormat) -> Recipe:
    return Recipe(tokenizer, format_, 512, True)


def ours(method: str, model: Any, size: int = 4, **hp: Any) -> Any:
    """The loss of one step of four units, cut into batches of ``size``."""
    settings = Hyperparameters(method=method, beta=BETA, **hp)
    batches = [collator_of(settings, pad)(items[method][n : n + size]) for n in range(0, 4, size)]
    objective = objective_of(settings)
    objective.begin(model, batches)
    total = sum(objective.measure(model, batch).total for batch in batches)
    return total / sum(map(objective.units, batches)), objective.figures(training=False)


def gradient(model: Any, loss: Any) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])


def pair_items() -> list[dict]:
    rows = {n: encode(row, recipe(DatasetFormat.PREFERENCE)) for n, row in enumerate(pairs)}
    return [item for some in compared(rows, {}, "DPO").values() for item in some]


def answer_items() -> list[dict]:
    form = recipe(DatasetFormat.UNPAIRED_PREFERENCE)
    rows = {n: encode(row, form) for n, row in enumerate(answers)}
    good = {n: row["label"] for n, row in enumerate(answers)}
    return [item for some in compared(rows, good, "KTO").values() for item in some]


items = {"DPO": pair_items(), "ORPO": pair_items(), "KTO": answer_items()}


def parted(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """Prompt and answer as TRL takes them; what comes behind the last learnt token is no answer."""
    begin = next(n for n, label in enumerate(labels) if label != -100)
    end = max(n for n, label in enumerate(labels) if label != -100) + 1
    return ids[:begin], ids[begin:end]


def options(kind: Any, folder: str, **more: Any) -> Any:
    return kind(
        output_dir=folder, beta=BETA, per_device_train_batch_size=4, report_to="none",
        use_cpu=True, bf16=False, max_length=512, gradient_checkpointing=False, **more,
    )  # fmt: skip


def value(trainer: Any, rows: list[dict]) -> float:
    """The loss of a batch. TRL takes the adapter as it is for the reference; ours is the base."""
    if "ref" in trainer.model.peft_config:
        trainer.model.delete_adapter("ref")
    return trainer.compute_loss(trainer.model, trainer.data_collator(rows)).item()


def trl(method: str, model: Any, folder: str) -> float:
    """TRL's loss of the very same tokens: its own tokenising is passed by."""
    if method == "DPO":
        trainer = DPOTrainer(
            model, args=options(DPOConfig, folder), processing_class=tokenizer,
            train_dataset=Dataset.from_list(pairs),
        )  # fmt: skip
        rows = []
        for one in items["DPO"]:
            prompt, chosen = parted(one["input_ids"], one["labels"])
            _, rejected = parted(one["rejected_ids"], one["rejected_labels"])
            rows.append({"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected})
        return value(trainer, rows)
    if method == "KTO":
        trainer = KTOTrainer(
            model, args=options(KTOConfig, folder), processing_class=tokenizer,
            train_dataset=Dataset.from_list(answers),
        )  # fmt: skip
        parts = [parted(one["input_ids"], one["labels"]) for one in items["KTO"]]
        rows = [
            {
                "prompt_ids": prompt, "completion_ids": answer, "label": bool(one["good"][0]),
                "KL_completion_ids": parts[n - 1][1],
            }
            for n, (one, (prompt, answer)) in enumerate(zip(items["KTO"], parts, strict=True))
        ]  # fmt: skip
        return value(trainer, rows)
    with contextlib.redirect_stdout(sys.stderr):
        trainer = ORPOTrainer(
            model, args=options(ORPOConfig, folder), processing_class=tokenizer,
            train_dataset=Dataset.from_list(pairs),
        )  # fmt: skip
    rows = []
    for one in items["ORPO"]:
        row = {}
        for side, ids, labels in (
            ("chosen", one["input_ids"], one["labels"]),
            ("rejected", one["rejected_ids"], one["rejected_labels"]),
        ):
            prompt, answer = parted(ids, labels)
            row[f"{side}_input_ids"] = prompt + answer
            row[f"{side}_attention_mask"] = [1] * len(prompt + answer)
            row[f"{side}_labels"] = [-100] * len(prompt) + answer
        rows.append(row)
    return value(trainer, rows)


def trimmed(some: list[dict]) -> list[dict]:
    """Without what a template writes behind an answer, which TRL would compare as well."""
    for one in some:
        for ids, labels in (("input_ids", "labels"), ("rejected_ids", "rejected_labels")):
            if ids in one:
                prompt, answer = parted(one[ids], one[labels])
                one[ids] = prompt + answer
                one[labels] = one[labels][: len(one[ids])]
    return some


report: dict[str, Any] = {}
with tempfile.TemporaryDirectory() as folder:
    for method in ("DPO", "ORPO", "KTO"):
        trimmed(items[method])
        model = load()
        whole = {"assistant_only_loss": False} if method == "ORPO" else {}
        loss, figures = ours(method, model, **whole)
        cut, _ = ours(method, model, 1, **whole)
        at_once, in_parts = gradient(model, loss), gradient(model, cut)
        report[method] = {
            "ours": loss.item(),
            "cut": cut.item(),
            "gradient": at_once.norm().item(),
            "gradient_error": (at_once - in_parts).norm().item(),
            "figures": figures,
            "trl": trl(method, model, folder),
        }
    model = load()
    report["only_answers"] = ours("ORPO", model)[0].item()
    before = [p.requires_grad for p in model.parameters()]
    report["beside"] = ours("DPO", model)[0].item()
    report["grads_as_before"] = before == [p.requires_grad for p in model.parameters()]
    with model.disable_adapter():
        settings = Hyperparameters(method="DPO", beta=BETA)
        ask_beforehand(model, items["DPO"], collator_of(settings, pad), 3)
    report["beforehand"] = ours("DPO", model)[0].item()
print(json.dumps(report))
