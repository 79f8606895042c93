"""Datasets that only a look with a model's template can judge, each with what the report must find.

``found`` has each finding's code with its rows; those in capitals are major. Templates are the
tiny model's own (``None``), TRL's by their names, and those below.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Turn = dict[str, Any]


def said(**turns: str) -> Any:
    """``u``, ``a``, ``s`` and ``t`` speak, in this order; a digit behind makes names differ."""
    roles = {"u": "user", "a": "assistant", "s": "system", "t": "tool"}
    messages = [{"role": roles[name[0]], "content": text} for name, text in turns.items()]
    return {"messages": messages}


def calling(arguments: str = '{"at": "sky"}', **more: Any) -> Any:
    """A conversation with a call."""
    call = {"function": {"name": "look", "arguments": arguments}}
    turns = [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "blue"},
        {"role": "assistant", "content": "No."},
    ]
    return {"messages": turns} | more


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ENDLESS = (
    "{% for m in messages %}{% if m.role == 'assistant' %}### Answer:\n{{ m.content }}\n\n"
    "{% else %}### Question:\n{{ m.content }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Answer:\n{% endif %}"
)
MARKS_NOTHING = CHATML.replace(
    "{{ m.content }}", "{{ m.content }}{% generation %}{% endgeneration %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "two beginnings": "<|im_start|><|im_start|>" + CHATML.replace("<|im_start|>", "### "),
    "one beginning": "<|im_start|>" + CHATML.replace("<|im_start|>", "### "),
    "ends with nothing": ENDLESS,
    "marks nothing": MARKS_NOTHING,
    "marks without an end": (
        "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}"
        "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %} ~\n"
        "{% endfor %}{% if add_generation_prompt %}A: {% endif %}"
    ),
    "other words than were said": CHATML.replace("{{ m.content }}", "{{ m.content[:3] }}"),
    "asks otherwise than it writes": CHATML.replace(
        "assistant\n{% endif", "assistant\n<think>{% endif"
    ),
    "counts the messages": "{{ messages | length }}" + CHATML,
    "forgets what was said": CHATML.replace(
        "{{ m.content }}", "{{ m.content if loop.last else '' }}"
    ),
    "not finished": "{% for m in messages %}{{ m.content }}",
    "wants what is not there": "{{ messages[0].nothing.more }}" + CHATML,
    "knows calls": CHATML.replace(
        "{{ m.content }}",
        "{{ m.content }}{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}",
    ),
    "knows tools and calls": "{% if tools %}{{ tools | tojson }}{% endif %}"
    + CHATML.replace(
        "{{ m.content }}",
        "{{ m.content }}{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}",
    ),
}


@dataclass(frozen=True)
class Look:
    """One dataset under one template."""

    name: str
    rows: list[Any]
    found: dict[str, list[int]]
    template: str | None = None
    format: str = "messages"
    options: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> bytes:
        """The file; a row of bytes is a line as it is."""
        lines = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in self.rows)
        return b"".join(line + b"\n" for line in lines)


GOOD = said(u="How many of them are there today?", a="There are four of them in the garden.")
OTHER = said(u="Where did you put the keys?", a="They are on the shelf beside the door.")
LONG = "a long text of many words " * 40
STORY = "The quick brown fox jumps over the lazy dog while the cat sleeps in the sun all day long."
SHORT = {"max_seq_length": 64}
TOOLS = [{"type": "function", "function": {"name": "look"}}]
KEYS = {
    "Hugging Face": "hf_" + "a" * 34,
    "GitHub": "ghp_" + "b" * 36,
    "AWS": "AKIA" + "C" * 16,
    "OpenAI": "sk-proj-" + "d" * 40,
    "Slack": "xoxb-" + "1" * 12 + "-" + "e" * 20,
    "Google": "AIza" + "F" * 35,
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
    "a signed token": "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
}

LENGTHS = [
    Look("nothing to say", [GOOD, OTHER], {}),
    Look(
        "question as long as the limit",
        [said(u=LONG, a="Yes.")],
        {"NOTHING_LEFT": [], "NOTHING_LEARNT": [0], "truncated": [0]},
        options=SHORT,
    ),
    Look(
        "answer is cut, its beginning is learnt",
        [said(u="?", a=LONG)],
        {"truncated": [0]},
        options=SHORT,
    ),
    Look(
        "only the second answer is cut off",
        [said(u="?", a="Yes.", u2=LONG, a2="No.")],
        {"truncated": [0]},
        options=SHORT,
    ),
    Look(
        "the last answer is cut off, and it alone counts",
        [said(u="?", a="Yes.", u2=LONG, a2="No.")],
        {"NOTHING_LEFT": [], "NOTHING_LEARNT": [0], "truncated": [0]},
        options={**SHORT, "train_on": "last answer"},
    ),
    Look(
        "without a mask the cut question is learnt",
        [said(u=LONG, a="Yes.")],
        {"truncated": [0]},
        options={**SHORT, "assistant_only_loss": False},
    ),
    Look(
        "a system prompt that fills everything",
        [said(s=LONG, u="?", a="Yes."), GOOD],
        {"NOTHING_LEARNT": [0], "truncated": [0]},
        options=SHORT,
    ),
    Look("raw text is cut into pieces", [{"text": LONG}], {}, format="text", options=SHORT),
    Look(
        "one row of a thousand",
        [*(said(u=f"{n}?", a=f"{n * 7919}.") for n in range(1000)), said(u=LONG, a="Yes.")],
        {"NOTHING_LEARNT": [1000], "truncated": [1000]},
        options=SHORT,
    ),
]
TEMPLATE = [
    Look(
        "marks that mark nothing",
        [GOOD],
        {"NOTHING_LEFT": [], "NOTHING_LEARNT": [0]},
        "marks nothing",
    ),
    Look("marks without an end of turn", [GOOD], {"NO_END_OF_TURN": [0]}, "marks without an end"),
    Look("two beginnings", [GOOD, OTHER], {"DOUBLE_BOS": [0, 1]}, "two beginnings"),
    Look("one beginning", [GOOD, OTHER], {}, "one beginning"),
    Look("no end in the template", [GOOD], {}, "ends with nothing"),
    Look(
        "the template loses words", [GOOD], {"TEMPLATE_REFUSES": [0]}, "other words than were said"
    ),
    Look(
        "the template asks otherwise",
        [GOOD],
        {"TEMPLATE_REFUSES": [0]},
        "asks otherwise than it writes",
    ),
    Look("the template counts", [GOOD], {"TEMPLATE_REFUSES": [0]}, "counts the messages"),
    Look("the template forgets", [GOOD], {"TEMPLATE_REFUSES": [0]}, "forgets what was said"),
    Look("the template is not finished", [GOOD], {"TEMPLATE_REFUSES": [0]}, "not finished"),
    Look("the template wants more", [GOOD], {"TEMPLATE_REFUSES": [0]}, "wants what is not there"),
    Look("Gemma takes a plain row", [GOOD], {}, "gemma"),
    Look(
        "Gemma has no system prompt",
        [said(s="Be brief.", u="?", a="Yes."), GOOD],
        {"TEMPLATE_REFUSES": [0]},
        "gemma",
    ),
    Look(
        "Gemma refuses two users",
        [said(u="?", u2="??", a="Yes."), GOOD],
        {"TEMPLATE_REFUSES": [0], "same_role_twice": [0]},
        "gemma",
    ),
    Look(
        "Gemma refuses two answers",
        [GOOD, said(u="?", a="Yes.", a2="No.")],
        {"TEMPLATE_REFUSES": [1], "same_role_twice": [1]},
        "gemma",
    ),
    Look(
        "Gemma refuses an assistant that begins",
        [said(a="Hello.", u="?", a2="Yes.")],
        {"TEMPLATE_REFUSES": [0], "assistant_first": [0]},
        "gemma",
    ),
    Look("Gemma 3 takes a system prompt", [said(s="Be brief.", u="?", a="Yes.")], {}, "gemma3"),
    Look(
        "Phi-3 takes a system prompt",
        [said(s="Be brief.", u="?", a="Yes.", u2="??", a2="No.")],
        {},
        "phi3",
    ),
    Look("DeepSeek cannot be masked", [GOOD, OTHER], {"TEMPLATE_REFUSES": [0, 1]}, "deepseekv3"),
    Look(
        "DeepSeek without a mask",
        [GOOD, OTHER],
        {},
        "deepseekv3",
        options={"assistant_only_loss": False},
    ),
    Look("raw text asks no template", [{"text": STORY}], {}, "not finished", "text"),
]
ORDER = [
    Look(
        "two users where the template does not mind",
        [said(u="?", u2="??", a="Yes.")],
        {"same_role_twice": [0]},
    ),
    Look("the assistant begins", [said(a="Hello.", u="?", a2="Yes.")], {"assistant_first": [0]}),
    Look("only the assistant speaks", [said(a="Hello.")], {"one_sided": [0]}),
    Look("a late system message", [said(u="?", s="Be brief.", a="Yes.")], {"late_system": [0]}),
    Look("the user has the last word", [said(u="?", a="Yes.", u2="Why?")], {"ends_with_user": [0]}),
    Look("nobody answers", [GOOD, said(u="?")], {"NO_ANSWER": [1]}),
    Look("an empty question", [said(u="", a="Yes.")], {"empty_turn": [0]}),
    Look("an empty system prompt", [said(s="", u="?", a="Yes.")], {"empty_turn": [0]}),
    Look("an empty answer", [GOOD, said(u="?", a="")], {"EMPTY_ANSWER": [1]}),
    Look("an answer of blanks", [said(u="?", a=" \n\t ")], {"EMPTY_ANSWER": [0]}),
    Look(
        "one of two answers is empty",
        [said(u="?", a="", u2="??", a2="Yes.")],
        {"EMPTY_ANSWER": [0]},
    ),
    Look("line breaks around an answer", [said(u="?\n", a="\n Yes.\n\n")], {}),
    Look("emoji and what is written from the right", [said(u="🐍?", a="👩🏽‍🚀 שלום 🇪🇺")], {}),
]
MARKERS = [
    Look(
        "a control token in the question",
        [GOOD, said(u="What is <|im_end|>?", a="A token.")],
        {"CONTROL_TOKEN": [1]},
    ),
    Look(
        "a control token in the answer", [said(u="?", a="<|im_start|>user")], {"CONTROL_TOKEN": [0]}
    ),
    Look(
        "a control token in the system prompt",
        [said(s="<|endoftext|>", u="?", a="Yes.")],
        {"CONTROL_TOKEN": [0]},
    ),
    Look(
        "a control token in the arguments of a call",
        [calling('{"at": "<|im_end|>"}')],
        {"CONTROL_TOKEN": [0]},
        "knows calls",
    ),
    Look(
        "a control token in the tools",
        [{**GOOD, "tools": [{"name": "<|im_end|>"}]}],
        {"CONTROL_TOKEN": [0]},
    ),
    Look(
        "a control token in raw text divides documents",
        [{"text": f"{STORY}<|im_end|>{STORY}"}],
        {},
        format="text",
    ),
    Look(
        "markers of other families",
        [said(u="[INST] <start_of_turn> <|eot_id|> <s>", a="[/INST] </s>")],
        {},
    ),
    Look("half a marker", [said(u="im_end|> <|im_end", a="<|im_end |>")], {}),
    Look("a marker in pieces", [said(u="<|im_", a="end|>")], {}),
    Look("the words of the template", [said(u="user\nassistant\n", a="assistant\nsystem\n")], {}),
    Look(
        "the template's own header",
        [said(u="### Answer:\nNo.", a="### Question:\nWhy?")],
        {},
        "ends with nothing",
    ),
]
CALLS = [
    Look("calls that the template leaves out", [calling(), GOOD], {"TEMPLATE_REFUSES": [0]}),
    Look("calls that the template writes", [calling()], {}, "knows calls"),
    Look(
        "tools that the template leaves out",
        [{**GOOD, "tools": TOOLS}, OTHER],
        {"TEMPLATE_REFUSES": [0]},
    ),
    Look(
        "tools and calls that the template writes",
        [calling(tools=TOOLS)],
        {},
        "knows tools and calls",
    ),
    Look("tools that are no list", [{**GOOD, "tools": "{"}], {"BAD_ROW": [0]}),
    Look("arguments that are no object", [calling("[1]")], {"BAD_ROW": [0]}, "knows calls"),
    Look(
        "a call nested without end",
        [
            {
                "conversations": [
                    {"from": "human", "value": "?"},
                    {"from": "tool_call", "value": "[" * 90_000},
                ]
            }
        ],
        {"truncated": [0]},
        format="sharegpt",
    ),
]
COPIES = [
    Look("the same row", [GOOD, OTHER, GOOD], {"duplicate": [2]}),
    Look(
        "the same but for the system prompt",
        [GOOD, {"messages": [{"role": "system", "content": "Be brief."}, *GOOD["messages"]]}],
        {"duplicate": [1]},
    ),
    Look(
        "the same in capitals",
        [{"text": STORY}, {"text": STORY.upper()}],
        {"near_duplicate": [1]},
        format="text",
    ),
    Look(
        "the same with other blanks",
        [{"text": STORY}, {"text": STORY.replace(" ", "  ")}],
        {"near_duplicate": [1]},
        format="text",
    ),
    Look(
        "the same but for a word",
        [{"text": STORY}, {"text": STORY.replace("quick", "slow")}],
        {"near_duplicate": [1]},
        format="text",
    ),
    Look(
        "half the same",
        [{"text": STORY}, {"text": STORY[:40] + "Something else follows from here on, at length."}],
        {},
        format="text",
    ),
    Look(
        "a held-out row is learnt, too",
        [{**GOOD, "split": "train"}, {**OTHER, "split": "train"}, {**GOOD, "split": "test"}],
        {"duplicate": [2], "overlap": [2]},
        options={"eval_split": "test"},
    ),
    Look(
        "a held-out row is nearly learnt",
        [
            {"text": STORY, "split": "train"},
            {"text": STORY.replace("long.", "long!"), "split": "test"},
        ],
        {"near_duplicate": [1], "overlap": [1]},
        format="text",
        options={"eval_split": "test"},
    ),
    Look(
        "held-out rows among themselves",
        [{**OTHER, "split": "train"}, {**GOOD, "split": "test"}, {**GOOD, "split": "test"}],
        {"duplicate": [2]},
        options={"eval_split": "test"},
    ),
    Look(
        "a share is held out of equal rows",
        [GOOD] * 4,
        {"duplicate": [1, 2, 3], "overlap": [3]},
        options={"eval_percent": 25.0},
    ),
    Look(
        "no row has the split", [GOOD, OTHER], {"NO_SUCH_SPLIT": []}, options={"eval_split": "test"}
    ),
    Look(
        "every row is held out",
        [{**GOOD, "split": "test"}],
        {"ALL_HELD_OUT": []},
        options={"eval_split": "test"},
    ),
]
TEXTS = [
    Look("a zero byte", [said(u="?", a="a\0b")], {"binary": [0]}),
    Look("a letter was lost", [said(u="?", a="Gr\ufffd\ufffde")], {"replacement": [0]}),
    *(
        Look(f"a key of {whose}", [GOOD, said(u="?", a=f"It is {key} here.")], {"secret": [1]})
        for whose, key in KEYS.items()
    ),
    Look("a key in the system prompt", [said(s=KEYS["AWS"], u="?", a="Yes.")], {"secret": [0]}),
    Look(
        "a key in a row that is refused",
        [said(u=KEYS["AWS"])],
        {"NO_ANSWER": [0], "secret": [0]},
    ),
    Look(
        "what only looks like a key",
        [said(u="sk-short hf_abc AKIA", a="eyJ.eyJ. task-oriented-programming")],
        {},
    ),
    Look("an e-mail address", [said(u="Write to jane.doe@mail.org.", a="Yes.")], {"email": [0]}),
    Look(
        "an address that is an example", [said(u="me@example.com, @decorator, a @ b", a="Yes.")], {}
    ),
]
FILES = [
    Look("no rows", [], {"EMPTY": []}),
    Look(
        "lines that are no rows",
        [b"{oops", b"3", b"", b'{"a": "\xff"}', GOOD],
        {"NOT_JSON": [0, 1], "NOT_UTF8": [2]},
    ),
    Look(
        "columns are missing",
        [{"question": "?"}, {"question": "?", "answer": "Yes."}],
        {"MISSING_VALUE": [0]},
        format="question_answer",
    ),
    Look(
        "numbers for texts",
        [{"question": 1, "answer": "Yes."}],
        {"BAD_ROW": [0]},
        format="question_answer",
    ),
    Look(
        "half a character",
        [b'{"question": "\\ud800", "answer": "Yes."}'],
        {"BAD_ROW": [0]},
        format="question_answer",
    ),
    Look(
        "nested without end",
        [b'{"text": ' + b"[" * 90_000 + b"}"],
        {"NOT_JSON": [0]},
        format="text",
    ),
]
LOOKS = [*LENGTHS, *TEMPLATE, *ORDER, *MARKERS, *CALLS, *COPIES, *TEXTS, *FILES]
