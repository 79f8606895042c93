"""Our loss mask beside the marks in TRL's training templates: ``MODEL``.

Prints for each pair of templates and each conversation: ``same``, ``subset`` (we train less, and
what is missing is given), ``refused``, or ``more`` with the tokens that only we would train.
"""

import json
import re
import sys
from pathlib import Path

import trl
from jinja2 import TemplateError
from transformers import AutoTokenizer

from trainer_image.contract import DatasetFormat
from trainer_image.data import NOT_TRAINED, Recipe, encode
from trainer_image.rows import RowError

FOLDER = Path(trl.__file__).parent / "chat_templates"
SPECIAL = r"<[|\uff5c][^|\uff5c<>]+[|\uff5c]>|<end_of_turn>|<eos>|</s>"
CONVERSATIONS = {
    "one turn": [("user", "Hi"), ("assistant", "Hello there.")],
    "system": [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")],
    "two turns": [("user", "1?"), ("assistant", "One."), ("user", "2?"), ("assistant", "Two.")],
    "line breaks": [("user", "Hi"), ("assistant", "\n Hello\n\nthere.\n")],
}


def compare(base: str, training: str, messages: list[dict]) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    special = sorted(set(re.findall(SPECIAL, base)))
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.chat_template = base
    try:
        ours = encode({"messages": messages}, Recipe(tokenizer, DatasetFormat.MESSAGES, 4096, True))
        theirs = tokenizer.apply_chat_template(
            messages, chat_template=training, return_dict=True, return_assistant_tokens_mask=True
        )
    except (RowError, TemplateError) as error:
        return {"verdict": "refused", "why": str(error)}
    if theirs["input_ids"] != ours.input_ids:
        return {"verdict": "other text"}
    mine = {n for n, label in enumerate(ours.labels) if label != NOT_TRAINED}
    marked = {n for n, mark in enumerate(theirs["assistant_masks"]) if mark}
    text = tokenizer.convert_ids_to_tokens(ours.input_ids)
    if mine - marked:
        return {"verdict": "more", "tokens": [text[n] for n in sorted(mine - marked)]}
    if marked - mine:
        return {"verdict": "subset", "tokens": [text[n] for n in sorted(marked - mine)]}
    return {"verdict": "same"}


results = {}
for path in sorted(FOLDER.glob("*_training.jinja")):
    base = path.with_name(path.name.replace("_training", ""))
    for name, turns in CONVERSATIONS.items():
        messages = [{"role": role, "content": content} for role, content in turns]
        if base.exists():
            key = f"{base.stem}: {name}"
            results[key] = compare(base.read_text(), path.read_text(), messages)
print(json.dumps(results))
