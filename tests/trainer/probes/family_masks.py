"""Our loss mask beside the marks in TRL's training templates, for all of them: ``MODEL FOLDER``.

Templates travel without tokenizers: SmolLM2's is taken with the family's own tokens added. Prints
for each pair and conversation a list of facts per text that we train, or why it is refused.
"""

import json
import re
import sys
from pathlib import Path

from transformers import AutoTokenizer
from transformers.utils.chat_template_utils import render_jinja_template

from trainer_image.conversations import RowError
from trainer_image.data import NOT_TRAINED, Recipe, Tokens, tokenised
from trainer_image.row_formats import DatasetFormat
from trainer_image.templates import question

FOLDER = Path(sys.argv[2])
CONTROL = (
    r"<[|\uff5c][^|\uff5c<>\s]+[|\uff5c]>|<[A-Za-z_]+[|]>|<[|][A-Za-z_]+>|</?s>|<eos>|<bos>"
    r"|<(?:start_of_turn|end_of_turn|end_of_utterance|sop|image|start_of_image)>|\[gMASK\]"
)
SYSTEM = ("system", "Be brief.")
ONE = [("user", "How many?"), ("assistant", "Four of them.")]
TWO = [*ONE, ("user", "Where?"), ("assistant", "Over there.")]
REASONED = [("user", "2+2?"), ("assistant", "<think>\nAdd them.\n</think>\n\nFour.")]
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALLED = [
    {"role": "user", "content": "Is it warm in Rome?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "31 degrees", "name": "weather"},
    {"role": "assistant", "content": "Yes, 31 degrees."},
]
CONVERSATIONS = {
    "one turn": ONE,
    "system": [SYSTEM, *ONE],
    "two turns": TWO,
    "system, two turns": [SYSTEM, *TWO],
    "three turns": [*TWO, ("user", "Sure?"), ("assistant", "Yes.")],
    "empty question": [("user", ""), ("assistant", "Hello.")],
    "line breaks": [("user", "Hi\n"), ("assistant", "\n Hello\n\nthere.\n")],
    "Unicode": [("user", "Größe?"), ("assistant", "Zwölf – 十二 · שתים עשרה · e\u0301\u200d")],
    "emoji": [("user", "🐍?"), ("assistant", "👩🏽‍🚀 yes 🇪🇺")],
    "only emoji": [("user", "👍"), ("assistant", "👍🏽")],
    "empty system prompt": [("system", ""), *ONE],
    "the same said by all": [("user", "Yes."), ("assistant", "Yes.")] * 2,
    "words of the template": [
        ("user", "<tool_call> assistant\nmodel\n[INST] <think>"),
        ("assistant", "user\nassistant\n </tool_call> [/INST] ### model:"),
    ],
    "reasoning": REASONED,
    "reasoning, two turns": [*REASONED, *REASONED],
    "tools": CALLED,
}


def compare(tokenizer: object, training: str, messages: list[dict], recipe: Recipe) -> list[dict]:
    row = {"messages": messages}
    if any("tool_calls" in one for one in messages):
        row["tools"] = [TOOL]
    texts = tokenised(row, recipe)
    if len(texts) == 1:
        return [beside(tokenizer, training, row, texts[0])]
    ends = [n + 1 for n, one in enumerate(messages) if one["role"] == "assistant"]
    return [
        beside(tokenizer, training, {**row, "messages": messages[:end]}, text, last_only=True)
        for end, text in zip(ends, texts, strict=True)
    ]


def beside(
    tokenizer: object, training: str, row: dict, ours: Tokens, *, last_only: bool = False
) -> dict:
    """What only one of us trains; where the texts differ, whether ours is a part of theirs."""
    mine = {n for n, label in enumerate(ours.labels) if label != NOT_TRAINED}
    pieces = [tokenizer.decode([ours.ids[n] for n in run]) for run in runs(mine)]
    answers = [one["content"] for one in row["messages"] if one["role"] == "assistant"]
    facts = {"trained": pieces, "answers": answers[-1:] if last_only else answers}
    references = [marked(tokenizer, training, row, parts, last_only) for parts in (False, True)]
    references = [one for one in references if one is not None]
    same = [one for one in references if one[0] == ours.ids]
    for ids, marks in [*same, *references]:
        if ids == ours.ids:
            return facts | differences(tokenizer.convert_ids_to_tokens(ids), mine, marks)
        parts = [tokenizer.decode([ids[n] for n in run]) for run in runs(marks)]
        inside = len(pieces) == len(parts) and all(
            piece.strip() in part for piece, part in zip(pieces, parts, strict=True)
        )
        return facts | {"other_text": True, "more": [] if inside else pieces, "theirs": parts}
    return facts | {"no_reference": True}


def differences(words: list[str], mine: set[int], marks: set[int]) -> dict:
    """Tokens that only we train, and those that only they do: before an answer or behind it."""
    found: dict = {"more": [words[n] for n in sorted(mine - marks)], "before": [], "behind": []}
    for run in runs(marks):
        ours = [n for n in run if n in mine]
        found["before"] += [words[n] for n in run if not ours or n < ours[0]]
        found["behind"] += [words[n] for n in run if ours and n > ours[-1]]
        if ours and len(ours) != ours[-1] - ours[0] + 1:
            found["gap"] = [words[n] for n in run]
    return found


def marked(
    tokenizer: object, training: str, row: dict, parts: bool, last_only: bool
) -> tuple[list[int], set[int]] | None:
    """TRL's tokens and which of them it marks any part of; None where its template refuses.

    By characters: ``return_assistant_tokens_mask`` loses all but the first token of a last
    character that has several.
    """
    messages = [shaped(one, parts=parts) for one in row["messages"]]
    try:
        text, spans = rendered(tokenizer, training, messages, row.get("tools"))
        if last_only and messages[:-1]:
            spans = spans[len(rendered(tokenizer, training, messages[:-1], row.get("tools"))[1]) :]
    except Exception:  # noqa: BLE001 - whatever a template runs into
        return None
    tokens = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    places = enumerate(tokens["offset_mapping"])
    marks = {n for n, (b, e) in places for begin, end in spans if b < end and e > begin}
    return tokens["input_ids"], marks


def rendered(tokenizer: object, training: str, messages: list[dict], tools: object) -> tuple:
    (text,), (spans,) = render_jinja_template(
        [messages], tools=tools, chat_template=training, return_assistant_tokens_mask=True,
        **tokenizer.special_tokens_map,
    )  # fmt: skip
    return text, spans


def runs(chosen: set[int]) -> list[list[int]]:
    """Numbers that follow each other."""
    found: list[list[int]] = []
    for n in sorted(chosen):
        if n - 1 not in chosen:
            found.append([])
        found[-1].append(n)
    return found


def shaped(message: dict, *, parts: bool) -> dict:
    content = message["content"]
    return {**message, "content": [{"type": "text", "text": content}] if parts else content}


def family(base: Path) -> dict:
    training = base.with_name(f"{base.stem}_training.jinja").read_text()
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    control = sorted({one for one in re.findall(CONTROL, base.read_text()) if one != "</think>"})
    tokenizer.add_special_tokens({"additional_special_tokens": control})
    tokenizer.chat_template = base.read_text()
    recipe = Recipe(tokenizer, DatasetFormat.MESSAGES, 4096, assistant_only=True)
    marker = next((one for one in control if "end" in one.lower()), "<|im_end|>")
    shapes = CONVERSATIONS | {
        "marker in the question": [("user", f"What is {marker}?"), ("assistant", "A token.")],
        "marker in the answer": [("user", "Which?"), ("assistant", f"It is {marker}.")],
    }
    found: dict = {}
    for name, turns in shapes.items():
        messages = [
            one if isinstance(one, dict) else dict(zip(("role", "content"), one, strict=True))
            for one in turns
        ]
        try:
            found[name] = compare(tokenizer, training, messages, recipe)
        except RowError as error:
            found[name] = str(error)
    asked = asked_as_trained(tokenizer, recipe) if isinstance(found["one turn"], list) else None
    return {
        "ends": recipe.words.ends,
        "conversations": found,
        "asked_as_trained": asked,
        "markers": control,
        "accepted": [one for one in control if is_accepted(one, recipe)],
    }


def is_accepted(marker: str, recipe: Recipe) -> bool:
    """Whether a marker of the template's own may stand in what anybody says."""
    for place in range(3):
        said = ["Be brief.", "How many?", "Four."]
        said[place] += f" {marker}."
        roles = ("system", "user", "assistant")
        messages = [{"role": r, "content": s} for r, s in zip(roles, said, strict=True)]
        try:
            tokenised({"messages": messages}, recipe)
        except RowError as error:
            if "is a control token" in str(error):
                continue
        return True
    return False


def asked_as_trained(tokenizer: object, recipe: Recipe) -> bool:
    """Whether the prompt of an inference is what a plain answer is learnt behind."""
    messages = [dict(zip(("role", "content"), one, strict=True)) for one in ONE]
    (text,) = tokenised({"messages": messages}, recipe)
    begin = next(n for n, label in enumerate(text.labels) if label != NOT_TRAINED)
    # By characters: alone, two line breaks may be one token that an answer behind them divides.
    return question(tokenizer, messages[:1]) == text.text[: text.offsets[begin][0]]


pairs = sorted(
    path
    for path in FOLDER.glob("*.jinja")
    if (path.with_name(f"{path.stem}_training.jinja").exists())
)
print(json.dumps({path.stem: family(path) for path in pairs}))
