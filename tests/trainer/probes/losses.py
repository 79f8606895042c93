"""Our loss beside the plain one of transformers, packed beside separate: ``MODEL``."""

import json
import sys
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainer_image.collate import PackedCollator, PaddedCollator, packed_items, padded_items
from trainer_image.data import Recipe, encode
from trainer_image.failures import RefusedError
from trainer_image.loss import refuse_leaking, token_losses
from trainer_image.row_formats import DatasetFormat

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
recipe = Recipe(tokenizer, DatasetFormat.QUESTION_ANSWER, 512, True)
rows = [
    text
    for n in range(1, 7)
    for text in encode({"question": "Why? " * n, "answer": f"Because of {n}. " * (7 - n)}, recipe)
]
pad = tokenizer.pad_token_id


def load(attention: str) -> Any:
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(
        sys.argv[1], dtype=torch.float32, attn_implementation=attention
    )
    model = get_peft_model(base, LoraConfig(target_modules="all-linear", init_lora_weights=False))
    return model.eval()


def gradient(model: Any, loss: Any) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])


def check(attention: str) -> dict:
    model = load(attention)
    batch = PaddedCollator(pad)(padded_items(rows))
    packed = PackedCollator(pad)(packed_items(rows, 128, 0))
    plain = model(**batch).loss
    ours, together = (token_losses(model, inputs).mean() for inputs in (batch, packed))
    plain_gradient = gradient(model, plain)
    gradients = [gradient(model, loss) for loss in (ours, together)]
    return {
        "plain": plain.item(),
        "ours": ours.item(),
        "packed": together.item(),
        "sequences": len(packed["input_ids"]),
        "gradient": plain_gradient.norm().item(),
        "gradient_error": [(g - plain_gradient).norm().item() for g in gradients],
    }


def deaf_to_positions(model: Any) -> Any:
    """A model that leaks, as a state-space model would: it does not see where rows begin."""
    inner = model.get_base_model()
    forward = inner.forward

    def without(*arguments: Any, position_ids: Any = None, **rest: Any) -> Any:
        return forward(*arguments, **rest)

    inner.forward = without
    return model


def refused(model: Any) -> bool:
    try:
        refuse_leaking(model, packed_items(rows, 256, 0)[0])
    except RefusedError:
        return True
    return False


report = {attention: check(attention) for attention in ("sdpa", "eager")}
report["leaking_refused"] = refused(deaf_to_positions(load("sdpa")))
report["sound_refused"] = refused(load("sdpa"))
print(json.dumps(report))
