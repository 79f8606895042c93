"""What makes steps faster beside what the libraries do by themselves: ``MODEL``."""

import json
from types import SimpleNamespace
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from trainer_image import lora_linear
from trainer_image.attention import attend_as_before, attend_by_rows, attends_by_rows
from trainer_image.collate import PackedCollator, PaddedCollator
from trainer_image.contract import Hyperparameters
from trainer_image.engine import Engine
from trainer_image.head_loss import summed_head_loss
from trainer_image.joined import JoinedCollator
from trainer_image.loss import summed_loss, take_the_long_way, token_losses
from trainer_image.quick_steps import quicken

WORDS, HIDDEN = -100, 64
CPU = Engine("transformers", "cpu", "float32", "none", "")
SIZES = {
    "vocab_size": 512, "hidden_size": HIDDEN, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "initializer_range": 0.2,
}  # fmt: skip
SYSTEM, OTHER = list(range(10, 30)), list(range(40, 52))


def row(system: list[int], prompt: int, answer: int, seed: int, tail: int = 0) -> dict:
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(100, 500, (prompt + answer + tail,), generator=draw).tolist()
    untrained = len(system) + prompt
    trained = ids[prompt : prompt + answer]
    labels = [WORDS] * untrained + trained + [WORDS] * tail
    return {"input_ids": system + ids, "labels": labels}


ROWS = [
    row(SYSTEM, 9, 6, 1), row(OTHER, 3, 40, 2), row(SYSTEM, 2, 30, 3, tail=11),
    row(SYSTEM[:7], 4, 5, 4), row([], 1, 12, 5), row(SYSTEM, 0, 8, 6), row(OTHER, 30, 3, 7),
]  # fmt: skip


def load(kind: str, adapter: bool = True, **settings: Any) -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **(SIZES | settings))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    if not adapter:
        return model.eval()
    lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(model, lora).eval()


def packed() -> list[dict]:
    items = []
    for rows in (ROWS[:3], ROWS[3:]):
        item: dict = {"input_ids": [], "labels": [], "position_ids": []}
        for one in rows:
            item["input_ids"] += one["input_ids"]
            item["labels"] += [WORDS, *one["labels"][1:]]
            item["position_ids"] += range(len(one["input_ids"]))
        items.append(item)
    return items


def gradient(model: Any, loss: Any) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])


def apart(model: Any) -> list[float]:
    return [token_losses(model, PaddedCollator(0)([one])).sum().item() for one in ROWS]


def by_row(model: Any, batch: Any) -> list[float]:
    """The sums of rows of a joined batch, sorted: joining may change their order."""
    losses, labels, positions = (
        token_losses(model, batch),
        batch["labels"][0],
        batch["position_ids"],
    )
    starts = [n for n, p in enumerate(positions[0].tolist()) if n == 0
              or p != positions[0, n - 1] + 1]  # fmt: skip
    trained = (labels != WORDS).nonzero().flatten()
    place = torch.bucketize(trained, torch.tensor(starts), right=True) - 1
    sums = torch.zeros(len(starts)).index_add_(0, place, losses)
    return sums.sort().values.tolist()


def joined(kind: str, **settings: Any) -> dict:
    model = load(kind, **settings)
    plain = PaddedCollator(0)(ROWS)
    before, rows = token_losses(model, plain).sum(), apart(model)
    wanted = gradient(model, before)
    report = {"sum": before.item(), "apart": sorted(rows), "attends": attend_by_rows(model)}
    for name, batch in {
        "joined": JoinedCollator()(ROWS),
        "unshared": JoinedCollator(share=False)(ROWS),
        "packed": JoinedCollator()(packed()),
    }.items():
        total, count = summed_loss(model, batch)
        error = (gradient(model, total) - wanted).norm() / wanted.norm()
        report[name] = {
            "sum": total.item(), "rows": by_row(model, batch), "gradient_error": error.item(),
            "tokens": batch["input_ids"].numel(), "count": count,
        }  # fmt: skip
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    model.train()
    again = gradient(model, summed_loss(model, JoinedCollator()(ROWS))[0])
    report["checkpointed_error"] = ((again - wanted).norm() / wanted.norm()).item()
    return report


def adapters() -> dict:
    model, batch = load("llama", attention_bias=True), PaddedCollator(0)(ROWS)
    slow = token_losses(model, batch)
    wanted = gradient(model, slow.sum())
    layers = lora_linear.quicken(model)
    quick = token_losses(model, batch)
    found = gradient(model, quick.sum())
    with model.disable_adapter():
        off = token_losses(model, batch)
    lora_linear.as_before(model)
    with model.disable_adapter():
        base = token_losses(model, batch)
    return {
        "layers": layers,
        "loss_error": ((quick - slow).abs().max() / slow.abs().max()).item(),
        "gradient_error": ((found - wanted).abs().max() / wanted.abs().max()).item(),
        "off_error": (off - base).abs().max().item(),
        "restored": bool(torch.equal(token_losses(model, batch), slow)),
    }


def not_plain() -> dict:
    """How many layers are quickened where something is not plain LoRA."""
    counts = {}
    for name, options in {
        "DoRA": {"use_dora": True}, "dropout": {"lora_dropout": 0.1}, "bias": {"lora_bias": True},
    }.items():  # fmt: skip
        lora = LoraConfig(r=4, target_modules="all-linear", **options)
        counts[name] = lora_linear.quicken(get_peft_model(load("llama", adapter=False), lora))
    half = get_peft_model(load("llama", adapter=False).bfloat16(), LoraConfig(r=4))
    counts["16 bit"] = lora_linear.quicken(half)
    return counts


def head() -> dict:
    torch.manual_seed(3)
    hidden = torch.randn(300, HIDDEN, requires_grad=True)
    linear, targets = torch.nn.Linear(HIDDEN, 512), torch.randint(0, 512, (300,))
    parts = [hidden, linear.weight, linear.bias]
    plain = torch.nn.functional.cross_entropy(linear(hidden), targets, reduction="sum")
    wanted = torch.autograd.grad(plain / 7, parts)
    sliced = summed_head_loss(hidden, linear, targets)
    found = torch.autograd.grad(sliced / 7, parts)
    return {
        "plain": plain.item(),
        "sliced": sliced.item(),
        "errors": [
            ((f - w).norm() / w.norm()).item() for f, w in zip(found, wanted, strict=True)
        ],
    }  # fmt: skip


def deaf(model: Any) -> Any:
    """As a state-space model: it does not see where rows begin."""
    inner = model.get_base_model()
    forward = inner.forward

    def without(*arguments: Any, position_ids: Any = None, **rest: Any) -> Any:
        inner.config._attn_implementation = "sdpa"
        return forward(*arguments, **rest)

    inner.forward = without
    return model


def trials() -> dict:
    report = {}
    for name, model in {
        "llama": load("llama"),
        "capped": load("gemma2", final_logit_softcapping=5.0),
        "deaf": deaf(load("llama")),
        # Its window is wider than the rows of the trial, and stands in the mask alone.
        "masked": load("phimoe", adapter=False, sliding_window=50, num_local_experts=2),
    }.items():
        quicken(model, packed(), Hyperparameters(), CPU)
        batch = JoinedCollator()(ROWS) if attends_by_rows(model) else PaddedCollator(0)(ROWS)
        total = summed_loss(model, batch)[0].item()
        attend_as_before(model)
        take_the_long_way(model)
        lora_linear.as_before(model)
        expected = summed_loss(model, PaddedCollator(0)(ROWS))[0].item()
        report[name] = {
            "joined": len(batch["input_ids"]) == 1, "sum": total, "expected": expected,
        }  # fmt: skip
    return report


def forgetful() -> bool:
    """Whether a layer that leaves a new adapter out is still used after the trial."""
    model = load("llama")
    for name, part in model.named_parameters():
        if ".lora_B." in name:
            part.data.zero_()
    product = lora_linear._product

    def without(x: Any, weight: Any, packed: Any, bias: Any, *rest: Any) -> Any:
        return torch.nn.functional.linear(x, weight, bias)

    lora_linear._product = lambda: SimpleNamespace(apply=without)
    try:
        quicken(model, packed(), Hyperparameters(), CPU)
    finally:
        lora_linear._product = product
    return any("temper_packed" in vars(module) for module in model.modules())


old = PackedCollator(0)(packed())
print(json.dumps({
    "kinds": {
        "llama": joined("llama"),
        "mistral": joined("mistral", sliding_window=8),
        "qwen3": joined("qwen3"),
        "gemma2": joined("gemma2", sliding_window=8, attn_implementation="sdpa"),
    },
    "computed_before": {"padded": PaddedCollator(0)(ROWS)["input_ids"].numel(),
                        "packed": old["input_ids"].numel()},
    "adapters": adapters(), "not_plain": not_plain(), "head": head(), "trials": trials(),
    "forgetful": forgetful(),
}))  # fmt: skip
