"""The tokens that a prompt is asked with beside those it was trained with: ``MODEL``.

The tokenizer adds a beginning token by itself, and its template writes one, too.
"""

import json
import sys

from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainer_image.chat import Chat
from trainer_image.data import Recipe, encode
from trainer_image.row_formats import DatasetFormat

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
bos = "<|endoftext|>"
tokenizer.bos_token = bos
tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
    single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
)
tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
chat = Chat()
chat._model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
chat._tokenizer = tokenizer
messages = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is a tuple?"},
]
row = {"messages": [*messages, {"role": "assistant", "content": "A sequence."}]}
asked = chat._encode(messages)["input_ids"][0].tolist()
(trained,) = encode(row, Recipe(tokenizer, DatasetFormat.MESSAGES, 512, assistant_only=True))
first_label = next(n for n, label in enumerate(trained.labels) if label != -100)
print(
    json.dumps(
        {
            "asked": asked,
            "trained_until_answer": trained.input_ids[:first_label],
            "beginnings": asked.count(tokenizer.bos_token_id),
            "tokenizer_adds": tokenizer("What?")["input_ids"].count(tokenizer.bos_token_id),
        }
    )
)
