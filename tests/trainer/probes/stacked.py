"""What two adapters in one file compute, beside what both compute when they are active together.

``stacked.py MODEL FOLDER`` prints, for each pair of kinds, the largest difference of logits, and
what the fresh one and the frozen one did in a step of training.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from trainer_image.adapters import with_adapter
from trainer_image.contract import Hyperparameters
from trainer_image.preference_reference import _untrained
from trainer_image.stacked import BELOW, put_below, save_joined

MODEL, FOLDER = sys.argv[1], Path(sys.argv[2])
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "same": ({"lora_r": 8}, {"lora_r": 8}),
    "scales": ({"lora_r": 4, "lora_alpha": 12}, {"lora_r": 16, "lora_variant": "rsLoRA"}),
    "targets": ({"lora_targets": "q_proj"}, {"lora_r": 4, "lora_targets": "v_proj, up_proj"}),
    "dropout": ({"lora_dropout": 0.5}, {"lora_r": 2}),
}


def fresh(values: dict[str, Any]) -> Any:
    """The base with an adapter whose B is not nothing, as after a training."""
    base = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    model = with_adapter(base, Hyperparameters(**values))
    fill(model)
    return model


def fill(model: Any) -> None:
    for name, parameter in model.named_parameters():
        if "lora_B.default" in name:
            torch.nn.init.normal_(parameter, std=0.05)


def logits(model: Any) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return model(torch.arange(1, 40).unsqueeze(0)).logits


def look(name: str, below: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    torch.manual_seed(1)
    parent = fresh(below)
    alone = logits(parent)
    parent.save_pretrained(FOLDER / name / "parent")
    model = fresh(top)
    put_below(model, FOLDER / name / "parent")
    with _untrained(model):  # what DPO compares with
        before = logits(model)
    both = logits(model)
    frozen = {k: v.clone() for k, v in model.named_parameters() if f".{BELOW}." in k}
    save_joined(model, FOLDER / name / "both")
    base = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    joined = PeftModel.from_pretrained(base, FOLDER / name / "both")
    model.train()
    loss = model(torch.arange(1, 40).unsqueeze(0), labels=torch.arange(1, 40).unsqueeze(0)).loss
    again = model(torch.arange(1, 40).unsqueeze(0), labels=torch.arange(1, 40).unsqueeze(0)).loss
    loss.backward()
    learning = [p for p in model.parameters() if p.requires_grad]
    torch.optim.SGD(learning, lr=0.1).step()
    return {
        "difference": (logits(joined) - both).abs().max().item(),
        "parent": (before - alone).abs().max().item(),
        "effect": (both - alone).abs().max().item(),
        "rank": joined.peft_config["default"].r,
        "frozen_moved": any(
            not torch.equal(v, frozen[k]) for k, v in model.named_parameters() if k in frozen
        ),
        "learns": sorted(
            {
                k.split(".lora_")[1].split(".")[1]
                for k, v in model.named_parameters()
                if v.requires_grad
            }
        ),
        "random": bool((loss - again).abs() > 0),
    }


if __name__ == "__main__":
    print(json.dumps({name: look(name, *pair) for name, pair in PAIRS.items()}))
