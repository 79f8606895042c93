"""How often the beginning token stands in a row, for a tokenizer that adds one: ``MODEL``."""

import json
import sys

from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from trainer_image.data import Recipe, encode
from trainer_image.row_formats import DatasetFormat

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
bos = "<|endoftext|>"
tokenizer.bos_token = bos
tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
    single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
)
tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template


def count(format_: str, row: dict) -> int:
    (encoded,) = encode(row, Recipe(tokenizer, DatasetFormat(format_), 512, assistant_only=True))
    return encoded.input_ids.count(tokenizer.bos_token_id)


plain = tokenizer("What?")["input_ids"].count(tokenizer.bos_token_id)
chat = count("question_answer", {"question": "What?", "answer": "That."})
text = count("text", {"text": "That is that."})
marked = count("text", {"text": f"{bos}That is that."})
print(json.dumps({"tokenizer_adds": plain, "chat": chat, "text": text, "marked_text": marked}))
