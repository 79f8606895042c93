"""How far merged weights are from base and adapter side by side: ``BASE ADAPTER MERGED``."""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, adapter, merged = sys.argv[1:]
ids = torch.arange(10, 60).unsqueeze(0)
with torch.no_grad():
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    untouched = plain(ids).logits
    tuned = PeftModel.from_pretrained(plain, adapter)(ids).logits
    whole = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)(ids).logits
found = {
    "difference": (tuned - whole).abs().max().item(),
    "effect": (tuned - untouched).abs().max().item(),
}
print(json.dumps(found))
