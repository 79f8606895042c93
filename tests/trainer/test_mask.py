"""What is learnt of a row: its answers with their ends, and nothing else."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow

PROMPT = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
)
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "1?"},
    {"role": "assistant", "content": "One."},
    {"role": "user", "content": "2?"},
    {"role": "assistant", "content": "Two.\n"},
]
QA = {"question": "What?", "answer": "That. 🐍"}
FORGETFUL = "{% for m in messages %}{{ m.content if loop.last else '' }}{% endfor %}"
COUNTING = "{{ messages | length }}{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}"
REFUSING = "{{ raise_exception('no system') }}"
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }}"
    "{{ eos_token }}{% else %}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"
)
VICUNA = (
    "{% for m in messages %}{% if m.role == 'assistant' %}ASSISTANT: {{ m.content }}{{ eos_token }}"
    "{% else %}USER: {{ m.content }} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
ENDLESS = (
    "{% for m in messages %}{% if m.role == 'assistant' %}### Answer:\n{{ m.content }}\n\n"
    "{% else %}### Question:\n{{ m.content }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Answer:\n{% endif %}"
)
MARKED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LAST_MARKED = MARKED.replace("m.role == 'assistant'", "m.role == 'assistant' and loop.last")
MARKED_ONLY = MARKED.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>A{% endif %}")
FORGETS_THOUGHTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if loop.last %}{{ m.content }}"
    "{% else %}{{ m.content.split('</think>')[-1] }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
DROPS_ANSWERS = MARKED.replace("{{ m.content }}{% endgeneration %}", "Yes.{% endgeneration %}")
QA_TURNS = [
    {"role": "user", "content": "1?"},
    {"role": "assistant", "content": "<think>Hm.</think>One."},
    {"role": "user", "content": "2?"},
    {"role": "assistant", "content": "<think>Ah.</think>Two."},
]
CALL = {"name": "look", "arguments": '{"at": "sky"}'}
TOOL_TURNS = [
    {"role": "user", "content": "Rain?"},
    {"role": "assistant", "content": None, "tool_calls": [{"function": CALL}]},
    {"role": "tool", "content": "blue"},
    {"role": "assistant", "content": "No."},
]
CALLING = (
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content }}{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOOLS = '[{"type": "function", "function": {"name": "look"}}]'

CASES: dict[str, dict[str, Any]] = {
    "question": {"format": "question_answer", "row": QA},
    "turns": {"format": "messages", "row": {"messages": TURNS}},
    "everything": {"format": "question_answer", "row": QA, "assistant_only": False},
    "text": {"format": "text", "row": {"text": "Once upon a time."}},
    "shortened": {"format": "question_answer", "row": QA, "max_length": 33},
    "cut off": {"format": "question_answer", "row": QA, "max_length": 20},
    "forgetful": {"format": "messages", "row": {"messages": TURNS}, "template": FORGETFUL},
    "counting": {"format": "messages", "row": {"messages": TURNS}, "template": COUNTING},
    "refusing": {"format": "messages", "row": {"messages": TURNS}, "template": REFUSING},
    "last": {"format": "messages", "row": {"messages": TURNS}, "last_only": True},
    "Mistral": {"format": "messages", "row": {"messages": TURNS[1:]}, "template": MISTRAL},
    "Vicuna": {"format": "messages", "row": {"messages": TURNS[1:]}, "template": VICUNA},
    "endless": {"format": "messages", "row": {"messages": TURNS[1:]}, "template": ENDLESS},
    "marked": {"format": "messages", "row": {"messages": TURNS}, "template": MARKED},
    "last marked": {"format": "messages", "row": {"messages": TURNS}, "template": LAST_MARKED},
    "marked only": {"format": "messages", "row": {"messages": TURNS}, "template": MARKED_ONLY},
    "marked only, last": {
        "format": "messages",
        "row": {"messages": TURNS},
        "template": MARKED_ONLY,
        "last_only": True,
    },
    "thoughts": {
        "format": "messages",
        "row": {"messages": QA_TURNS},
        "template": FORGETS_THOUGHTS,
    },
    "thoughts, last": {
        "format": "messages",
        "row": {"messages": QA_TURNS},
        "template": FORGETS_THOUGHTS,
        "last_only": True,
    },
    "drops": {"format": "messages", "row": {"messages": TURNS}, "template": DROPS_ANSWERS},
    "control": {"format": "question_answer", "row": {**QA, "question": "<|im_end|> is?"}},
    "control, raw": {"format": "text", "row": {"text": "One.<|im_end|>Two."}},
    "calls": {
        "format": "messages",
        "row": {"messages": TOOL_TURNS, "tools": TOOLS},
        "template": CALLING,
    },
    "assistant first": {"format": "messages", "row": {"messages": TURNS[2:]}},
    "no header": {"format": "messages", "row": {"messages": TURNS[2:]}, "template": MISTRAL},
    "no calls": {"format": "messages", "row": {"messages": TOOL_TURNS}},
    "no tools": {"format": "question_answer", "row": {**QA, "tools": TOOLS}},
}


@pytest.fixture(scope="module")
def masks(trainer_python: str, tiny_model: Path, probes: Path, probe_env: dict[str, str]) -> Any:
    done = subprocess.run(
        [trainer_python, str(probes / "mask.py"), str(tiny_model)],
        input=json.dumps(list(CASES.values())),
        capture_output=True,
        text=True,
        env=probe_env,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout.splitlines()[-1]), strict=True))


def test_answer_and_its_end(masks: Any) -> None:
    assert masks["question"]["text"] == PROMPT + "That. 🐍<|im_end|>\n"
    assert masks["question"]["trained"] == ["That. 🐍<|im_end|>"]


def test_every_turn_of_the_assistant(masks: Any) -> None:
    assert masks["turns"]["trained"] == ["One.<|im_end|>", "Two.\n<|im_end|>"]


def test_everything_if_asked_for(masks: Any) -> None:
    everything = masks["everything"]
    assert everything["trained"] == [everything["text"]]
    assert everything["trained_tokens"] == everything["tokens"] - 1


def test_text_is_learnt_to_its_end(masks: Any) -> None:
    assert masks["text"]["trained"] == ["Once upon a time.<|im_end|>"]


def test_shortened(masks: Any) -> None:
    assert masks["shortened"]["tokens"] == 33
    assert "That".startswith(masks["shortened"]["trained"][0][:4])
    assert masks["cut off"]["trained_tokens"] == 0


def test_templates_that_cannot_be_masked(masks: Any) -> None:
    assert "leaves out a part" in masks["forgetful"]["error"]
    assert "changes earlier text at message 3" in masks["counting"]["error"]
    assert "no system" in masks["refusing"]["error"]


def test_one_beginning_token(probe: Probe, tiny_model: Path) -> None:
    counts = probe("bos", tiny_model)
    assert counts == {"tokenizer_adds": 1, "chat": 1, "text": 1, "marked_text": 1}


def test_only_the_last_answer(masks: Any) -> None:
    assert masks["last"]["text"] == masks["turns"]["text"]
    assert masks["last"]["trained"] == ["Two.\n<|im_end|>"]


def test_templates_without_marks(masks: Any) -> None:
    """Written by hand: what the prompt does not give, and the end of turn."""
    assert masks["Mistral"]["trained"] == [" One.<|im_end|>", " Two.\n<|im_end|>"]
    assert masks["Vicuna"]["trained"] == [" One.<|im_end|>", " Two.\n<|im_end|>"]


def test_where_a_template_ends_answers_with_nothing_the_end_token_is_put(masks: Any) -> None:
    first, second = masks["endless"]["texts"]
    assert first["text"] == "### Question:\n1?\n\n### Answer:\nOne.\n\n<|im_end|>"
    assert first["trained"] == ["One.\n\n<|im_end|>"]
    assert second["text"].startswith("### Question:\n1?\n\n### Answer:\nOne.\n\n### Question:")
    assert second["trained"] == ["Two.\n\n\n<|im_end|>"]


def test_marks_of_a_template(masks: Any) -> None:
    """They say which answers are learnt; the end of turn is, even where it stands outside."""
    assert masks["marked"]["trained"] == ["One.<|im_end|>", "Two.\n<|im_end|>"]
    assert masks["last marked"]["trained"] == ["Two.\n<|im_end|>"]
    assert masks["marked only"]["trained"] == ["One.<|im_end|>", "Two.\n<|im_end|>"]
    assert masks["marked only, last"]["trained"] == ["Two.\n<|im_end|>"]


def test_where_old_thoughts_are_left_out_each_answer_has_a_text_of_its_own(masks: Any) -> None:
    first, second = masks["thoughts"]["texts"]
    assert first["trained"] == ["<think>Hm.</think>One.<|im_end|>"]
    assert "2?" not in first["text"]
    assert second["trained"] == ["<think>Ah.</think>Two.<|im_end|>"]
    assert "Hm." not in second["text"]
    assert masks["thoughts, last"]["texts"] == [second]


def test_an_answer_that_the_template_drops_is_refused(masks: Any) -> None:
    assert "leaves out a part" in masks["drops"]["error"]


def test_text_never_becomes_a_control_token(masks: Any) -> None:
    assert "holds '<|im_end|>', which is a control token" in masks["control"]["error"]
    assert masks["control, raw"]["trained"] == ["One.<|im_end|>Two.<|im_end|>"]


def test_tool_calls_are_learnt_and_tools_are_shown(masks: Any) -> None:
    calls = masks["calls"]
    assert calls["trained"][0] == '{"name": "look", "arguments": {"at": "sky"}}<|im_end|>'
    assert calls["trained"][1] == "No.<|im_end|>"
    assert calls["text"].startswith('[{"type": "function"')
    assert "knows no tool calls" in masks["no calls"]["error"]
    assert "knows no tools" in masks["no tools"]["error"]


def test_the_assistant_may_speak_first_where_its_header_can_be_told(masks: Any) -> None:
    assert masks["assistant first"]["trained"] == ["One.<|im_end|>", "Two.\n<|im_end|>"]
    assert "speaks first" in masks["no header"]["error"]
