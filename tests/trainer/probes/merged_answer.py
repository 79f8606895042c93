"""The greedy answer of a base model with its adapter merged in: ``MODEL ADAPTER QUESTION TOKENS``.

Merging is another way through the same weights than the one that answers in the program.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
model = PeftModel.from_pretrained(model, sys.argv[2]).merge_and_unload()
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
inputs = tokenizer.apply_chat_template(
    [{"role": "user", "content": sys.argv[3]}],
    add_generation_prompt=True,
    return_dict=True,
    return_tensors="pt",
)
output = model.generate(**inputs, max_new_tokens=int(sys.argv[4]), do_sample=False)
answer = output[0, inputs["input_ids"].shape[1] :]
print(json.dumps({"text": tokenizer.decode(answer, skip_special_tokens=True)}))
