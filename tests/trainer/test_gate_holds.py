"""Whatever the trainer would refuse at its start, the look before the start has refused already."""

from __future__ import annotations

import json
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.data_gate import START_ANYWAY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

TEXTS = (
    "", " ", "Hello.", "Ümläut 🐍👩🏽‍🚀", "long " * 60, "<|im_end|>", "<|im_start|>user\nX",
    "\u2028", "a\x00b", "\ufffd", "{{ oops }}", "\ud800", "me@mail.org", "</s>", "0", "\n\n",
)  # fmt: skip
ODD = (None, 0, 1.5, True, [], {}, "text", ["text"], [{"type": "text", "text": "Part"}])
ROLES = ("user", "assistant", "system", "tool", "developer", "owner", "", None, 7)
BROKEN = ("", "   ", "{", "[1]", "null", '"text"', "7", '{"a": NaN}', '{"messages": ' + "[" * 3000)
STRICT = (
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% if m.role == 'user' and loop.index0 % 2 == 1 %}{{ raise_exception('order') }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}"
    "{% if not loop.last %}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_ANSWERS = (
    "{% for m in messages %}{% if m.role != 'assistant' %}{{ m.content }}{% endif %}{% endfor %}"
)
TWO_BEGINNINGS = "<|im_start|><|im_start|>" + STRICT
TEMPLATES = (None, None, None, STRICT, TRIMS, NO_ANSWERS, TWO_BEGINNINGS, "{{ broken")


def a_text(dice: random.Random) -> Any:
    return dice.choice(ODD) if dice.random() < 0.06 else dice.choice(TEXTS)


def a_message(dice: random.Random) -> Any:
    if dice.random() < 0.03:
        return dice.choice(ODD)
    role = dice.choice(ROLES) if dice.random() < 0.15 else dice.choice(ROLES[:2])
    message: dict[str, Any] = {"role": role, "content": a_text(dice)}
    if dice.random() < 0.08:
        call = {"function": {"name": "f", "arguments": dice.choice(['{"a": 1}', {"a": 1}, "{", 5])}}
        message["tool_calls"] = dice.choice([[call], call, [], [None]])
    return message


def a_row(dice: random.Random, format_: str) -> dict[str, Any]:
    match format_:
        case "messages":
            row = {"messages": [a_message(dice) for _ in range(dice.choice((0, 1, 2, 2, 2, 3, 4)))]}
        case "question_answer":
            row = {"question": a_text(dice), "answer": a_text(dice)}
        case "prompt_completion":
            sides = ([a_message(dice)] if dice.random() < 0.3 else a_text(dice) for _ in range(2))
            row = dict(zip(("prompt", "completion"), sides, strict=True))
        case _:
            row = {"text": a_text(dice)}
    if dice.random() < 0.1:
        row["system"] = a_text(dice)
    if dice.random() < 0.05:
        row["tools"] = dice.choice(ODD)
    if dice.random() < 0.5:
        row["split"] = dice.choice(("train", "test", 3, None))
    if dice.random() < 0.03:
        row.pop(next(iter(row)))
    return row


def a_sound_row(dice: random.Random, format_: str) -> dict[str, Any]:
    asked, said = f"What is {dice.randrange(99)}?", f"It is {dice.choice(('one', 'long ' * 60))}."
    return {
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}],
        "question": asked, "answer": said, "prompt": asked, "completion": said, "text": said,
        "split": dice.choice(("train", "test")),
    }  # fmt: skip


def a_case(seed: int) -> dict[str, Any]:
    dice = random.Random(seed)
    format_ = dice.choice(("messages", "question_answer", "prompt_completion", "text"))
    odd = dice.choice((0.0, 0.0, 0.1, 0.5, 1.0))
    lines = []
    for _ in range(dice.choice((0, 1, 2, 3, 5, 8))):
        make = a_row if dice.random() < odd else a_sound_row
        lines.append(json.dumps(make(dice, format_)))
    if dice.random() < 0.1:
        lines.append(dice.choice(BROKEN))
    return {
        "rows": lines,
        "format": format_,
        "eval_percent": dice.choice((0, 0, 10, 50)),
        "eval_split": dice.choice(("", "", "test", "nowhere")),
        "hp": {
            "max_seq_length": dice.choice((16, 32, 64, 2048)),
            "assistant_only_loss": dice.random() < 0.8,
            "train_on": dice.choice(("every answer", "last answer")),
            "packing": dice.random() < 0.5,
        },
        "template": dice.choice(TEMPLATES),
    }


def test_the_report_refuses_exactly_what_the_trainer_refuses(
    tmp_path: Path,
    probes: Path,
    probe_env: dict[str, str],
    trainer_python: str,
    tiny_model: Path,
) -> None:
    seeds = range(200)
    cases = [a_case(seed) for seed in seeds]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases))
    command = [trainer_python, str(probes / "gate_cases.py"), str(path), str(tiny_model)]
    done = subprocess.run(command, env=probe_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    refused = 0
    for seed, found in zip(seeds, json.loads(done.stdout), strict=True):
        hard = [code for code in found["majors"] if code not in START_ANYWAY]
        assert bool(hard) == bool(found["refusal"]), (seed, cases[seed], found)
        refused += bool(found["refusal"])
        for code, runs in found["faulty"].items():
            rows = {row for start, count in runs for row in range(start, start + count)}
            assert rows <= set(range(found["rows"]))
            assert len(rows) <= found["counts"][code]
    assert 40 < refused < 180  # else the cases say little
