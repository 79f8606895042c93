"""The greedy answer of an untouched model, by transformers alone: ``MODEL QUESTION TOKENS``."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
inputs = tokenizer.apply_chat_template(
    [{"role": "user", "content": sys.argv[2]}],
    add_generation_prompt=True,
    return_dict=True,
    return_tensors="pt",
)
output = model.generate(**inputs, max_new_tokens=int(sys.argv[3]), do_sample=False)
answer = output[0, inputs["input_ids"].shape[1] :]
print(json.dumps({"text": tokenizer.decode(answer, skip_special_tokens=True)}))
