"""How rows hold what is learned, and which method learns from which rows.

The standard library only: the desktop program may import this module before its first frame.
"""

from __future__ import annotations

from enum import StrEnum

_HIGHEST_RATE = 1e-4
"""Above it a training that compares answers is warned of."""


class DatasetFormat(StrEnum):
    """How a row holds a conversation; FORMAT_COLUMNS says which columns it needs."""

    MESSAGES = "messages"
    SHAREGPT = "sharegpt"
    ALPACA = "alpaca"
    UNPAIRED_PREFERENCE = "unpaired_preference"
    PROMPT_COMPLETION = "prompt_completion"
    QUESTION_ANSWER = "question_answer"
    INPUT_OUTPUT = "input_output"
    PREFERENCE = "preference"
    TEXT = "text"


FORMAT_COLUMNS: dict[DatasetFormat, tuple[str, ...]] = {
    DatasetFormat.MESSAGES: ("messages",),
    DatasetFormat.SHAREGPT: ("conversations",),
    DatasetFormat.ALPACA: ("instruction", "output"),
    DatasetFormat.UNPAIRED_PREFERENCE: ("prompt", "completion", "label"),
    DatasetFormat.PROMPT_COMPLETION: ("prompt", "completion"),
    DatasetFormat.QUESTION_ANSWER: ("question", "answer"),
    DatasetFormat.INPUT_OUTPUT: ("input_text", "output_text"),
    DatasetFormat.PREFERENCE: ("chosen", "rejected"),
    DatasetFormat.TEXT: ("text",),
}
"""Columns a row must have. The columns ``system``, ``tools`` and ``split``, Alpaca's ``input`` and
the ``prompt`` of a preference pair are optional; a ``label`` is whether an answer is a good one."""

SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "system": "system",
    "function_call": "assistant",
    "tool_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "tool_response": "tool",
    "function_response": "tool",
}
"""The speakers that LLaMA-Factory, Axolotl and FastChat write, and whom each stands for."""
CALLERS = ("function_call", "tool_call")
"""Those of them whose text is a call of a function."""
ROLES = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "developer": "system",
    "function": "tool",
}
"""The roles of messages, OpenAI's newer and older names among them."""

METHODS: dict[DatasetFormat, tuple[str, ...]] = {
    DatasetFormat.PREFERENCE: ("DPO", "ORPO", "KTO"),
    DatasetFormat.UNPAIRED_PREFERENCE: ("KTO",),
}
"""What learns from these rows; from all others SFT alone."""


def misfit(format_: DatasetFormat, method: str) -> str:
    """Why a method cannot learn from such rows, in words that follow the dataset's name."""
    if method in METHODS.get(format_, ("SFT",)):
        return ""
    if format_ not in METHODS:
        return f"holds nothing to compare: {method} learns from good and bad answers."
    pairs = format_ is DatasetFormat.PREFERENCE
    what = "pairs of a chosen and a rejected answer" if pairs else "answers marked good or bad"
    return f"holds {what}, which {method} cannot learn from."


def rate_note(method: str, learning_rate: float, tuning: str = "LoRA") -> str:
    """A sentence where a rate that suits SFT is too high to compare answers by. DPO's paper learns
    at 5e-7, ORPO's at 8e-6, KTO's at 5e-7, each of whole models; adapters bear about ten times.
    A rate that suits an adapter is also too high for the whole model."""
    if (method == "SFT" and tuning == "LoRA") or learning_rate <= _HIGHEST_RATE:
        return ""
    digits, _, power = f"{learning_rate:.2e}".partition("e")
    rate = f"{float(digits):g}e{int(power)}"
    if method == "SFT":
        return f"A learning rate of {rate} is high for a full fine-tune: 1e-5 to 5e-5 is usual."
    return f"A learning rate of {rate} is high for {method}: 5e-6 to 5e-5 is usual."


def fitting(format_: DatasetFormat) -> str:
    """The remedy: the methods that can."""
    *others, last = METHODS.get(format_, ("SFT",))
    named = f"{', '.join(others)} or {last}" if others else last
    return f"Choose the method {named}, or another dataset."
