"""A whole model beside its base, and an adapter after both: ``BASE MODEL ADAPTER TEXT TOKENS``."""

import json
import sys
from pathlib import Path
from threading import Event

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainer_image.chat import Chat, Load, Prompt
from trainer_image.whole_model import weights_sha256

base, model, adapter, text, tokens = sys.argv[1:]
asked = [{"role": "user", "content": text}]
chat = Chat()


def answer(use: str) -> str:
    prompt = Prompt(messages=asked, use=use, max_new_tokens=int(tokens))
    return chat.answer(prompt, lambda _: None, Event()).text


def plain(folder: str) -> str:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    inputs = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.inference_mode():
        output = loaded.generate(**inputs, max_new_tokens=int(tokens), do_sample=False)
    return tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


report = {"plain_base": plain(base), "plain_tuned": plain(model)}
chat.load(Load(base_model=base, adapter=model))
report["alone"] = chat._base is None
report["tuned"], report["base"], report["tuned_again"] = map(answer, ("adapter", "base", "adapter"))
chat.load(Load(base_model=base, adapter=adapter))
report["adapter"], report["base_of_adapter"] = answer("adapter"), answer("base")
chat.load(Load(base_model=base, adapter=model))
report["tuned_after_adapter"], report["base_after_adapter"] = answer("adapter"), answer("base")

states = [AutoModelForCausalLM.from_pretrained(one).state_dict() for one in (base, model)]
report["unchanged"] = [
    name for name, value in states[0].items() if torch.equal(value, states[1][name])
]
config = json.loads((Path(model) / "config.json").read_text())
report |= {"dtype": config["dtype"], "use_cache": config["use_cache"]}
report["sha256"] = weights_sha256(Path(model))
print(json.dumps(report))
