"""What is trained of each row, as text: ``MODEL``; rows and options come on standard input."""

import json
import sys

from transformers import AutoTokenizer

from trainer_image.conversations import RowError
from trainer_image.data import NOT_TRAINED, Encoded, Recipe, encode
from trainer_image.row_formats import DatasetFormat

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])


def trained(case: dict) -> dict:
    tokenizer.chat_template = case.get("template") or tokenizer.chat_template
    recipe = Recipe(
        tokenizer,
        DatasetFormat(case["format"]),
        case.get("max_length", 512),
        case.get("assistant_only", True),
        case.get("last_only", False),
    )
    try:
        texts = encode(case["row"], recipe)
    except RowError as error:
        return {"error": str(error)}
    return described(texts[0]) | {"texts": [described(text) for text in texts]}


def described(row: Encoded) -> dict:
    pieces, open_ = [], False
    for token, label in zip(row.input_ids, row.labels, strict=True):
        if label == NOT_TRAINED:
            open_ = False
            continue
        if not open_:
            pieces.append([])
        pieces[-1].append(token)
        open_ = True
    return {
        "text": tokenizer.decode(row.input_ids),
        "trained": [tokenizer.decode(piece) for piece in pieces],
        "tokens": len(row.input_ids),
        "trained_tokens": row.trained_tokens,
    }


template = tokenizer.chat_template
results = []
for case in json.load(sys.stdin):
    tokenizer.chat_template = template
    results.append(trained(case))
print(json.dumps(results))
