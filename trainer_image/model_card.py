"""The README beside what a run made: what it is, from what, how it was made and how well it does.

In the form the Hub reads (huggingface.co/docs/hub/model-cards): metadata, then text. It names no
folder of the user's computer.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from trainer_image.run_folder import is_local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer_image.contract import Job, Result

_SHOWN = (
    "method", "tuning", "epochs", "max_steps", "learning_rate", "scheduler", "warmup_ratio",
    "batch_size", "grad_accum", "max_seq_length", "packing", "assistant_only_loss", "train_on",
    "quantization", "optimizer", "weight_decay", "max_grad_norm", "seed",
)  # fmt: skip
_OF_LORA = ("lora_r", "lora_alpha", "lora_dropout", "lora_targets", "lora_variant")
_OF_PREFERENCES = ("beta",)

_USE_ADAPTER = """from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("{repo}")"""
_USE_MODEL = """from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{repo}")"""
_ASK = """
tokenizer = AutoTokenizer.from_pretrained("{repo}")
messages = [{{"role": "user", "content": "Hello!"}}]
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=128)[0]))"""


def model_card(job: Job, result: Result, rows: tuple[int, int], *, merged: bool = False) -> str:
    """The text of README.md. ``rows`` are those trained on and those held out; ``merged``: the
    adapter has become part of the base model's weights."""
    whole = merged or result.kind == "model"
    return "\n".join(
        [
            _metadata(job, whole=whole),
            f"# {_title(job)}",
            "",
            _opening(job, whole=whole),
            "",
            "## Results",
            "",
            *_table(("", ""), _results(result)),
            "",
            "## Data",
            "",
            f"{_dataset(job)}: {rows[0]:,} rows to train, {rows[1]:,} held out to measure.",
            "",
            "## Settings",
            "",
            *_table(("Setting", "Value"), _settings(job)),
            "",
            "## Use",
            "",
            *_use(job, whole=whole),
            "## Made with",
            "",
            _made_with(result),
            "",
        ]
    )


def _metadata(job: Job, *, whole: bool) -> str:
    """Names only what the Hub can look up: no folder, and no dataset of the user's library."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        base_model=None if is_local(job.base_model) else job.base_model,
        library_name="transformers" if whole else "peft",
        pipeline_tag="text-generation",
        datasets=[job.dataset.hf_repo] if job.dataset.hf_repo else None,
        tags=[*(["lora"] if job.hp.tuning == "LoRA" else []), job.hp.method.lower(), "temper"],
    )
    return f"---\n{data.to_yaml()}\n---"


def _title(job: Job) -> str:
    return job.hp.hub_repo.rpartition("/")[2] or job.name or f"{_model(job)}, fine-tuned"


def _model(job: Job) -> str:
    return PurePath(job.base_model).name if is_local(job.base_model) else job.base_model


def _opening(job: Job, *, whole: bool) -> str:
    what = "A model fine-tuned from" if whole else "An adapter for"
    how = "every weight was trained" if job.hp.tuning == "full" else job.hp.lora_variant
    return f"{what} {_model(job)}, made with {job.hp.method} ({how})."


def _dataset(job: Job) -> str:
    spec = job.dataset
    if spec.hf_repo:
        return f"[{spec.hf_repo}](https://huggingface.co/datasets/{spec.hf_repo}) ({spec.hf_split})"
    return spec.name or "A dataset of the author's"


def _results(result: Result) -> Iterable[tuple[str, object]]:
    numbers = (
        ("Held-out loss before", result.eval_loss_before),
        ("Held-out loss after", result.eval_loss_after),
        ("Mean training loss", result.train_loss),
    )
    yield from ((name, f"{value:.4f}") for name, value in numbers if value is not None)
    yield "Optimiser steps", f"{result.steps:,}"
    yield "Trained tokens", f"{result.trained_tokens:,}"
    yield "Time in training", f"{result.seconds / 60:.1f} minutes"
    yield "Hardware", result.device


def _settings(job: Job) -> Iterable[tuple[str, object]]:
    hp = job.hp
    names = [*_SHOWN]
    names += _OF_LORA if hp.tuning == "LoRA" else ()
    names += () if hp.method == "SFT" else _OF_PREFERENCES
    for name in names:
        value = getattr(hp, name)
        if value is not None:
            yield name, value


def _table(head: tuple[str, str], rows: Iterable[tuple[str, object]]) -> list[str]:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return lines + [f"| {name} | {_cell(value)} |" for name, value in rows]


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _use(job: Job, *, whole: bool) -> list[str]:
    repo = job.hp.hub_repo or "this/folder"
    code = (_USE_MODEL if whole else _USE_ADAPTER) + _ASK
    return ["```python", code.format(repo=repo), "```", ""]


def _made_with(result: Result) -> str:
    versions: dict[str, Any] = result.versions
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"Temper, with {packages}."
