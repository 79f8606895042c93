"""A row of any format as who says what: for reading, so whatever is there is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSISTANT, _USER, _SYSTEM = "Assistant", "User", "System"
_SPEAKERS = {
    "human": _USER, "user": _USER, "system": _SYSTEM, "developer": _SYSTEM, "gpt": _ASSISTANT,
    "chatgpt": _ASSISTANT, "assistant": _ASSISTANT, "model": _ASSISTANT, "bot": _ASSISTANT,
    "tool": "Tool", "function": "Tool", "observation": "Tool", "tool_response": "Tool",
    "function_response": "Tool", "function_call": "Tool call", "tool_call": "Tool call",
}  # fmt: skip
_ONE_TURN = {
    "alpaca": ("instruction", "output"),
    "prompt_completion": ("prompt", "completion"),
    "question_answer": ("question", "answer"),
    "input_output": ("input_text", "output_text"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says; ``is_learnt`` where it is the assistant's, which training learns."""

    speaker: str
    text: str
    is_learnt: bool = False


def turns_of(row: Mapping[str, Any], format_: str) -> tuple[Turn, ...]:
    """The conversation that a row is, or the text; only what is there of it."""
    turns = [*_system(row), *_turns(row, format_)]
    return tuple(turn for turn in turns if turn.text.strip())


def _turns(row: Mapping[str, Any], format_: str) -> list[Turn]:
    if format_ == "messages":
        return _listed(row.get("messages"), "role", "content")
    if format_ == "sharegpt":
        return _listed(row.get("conversations"), "from", "value")
    if format_ == "text":
        return [Turn("Text", _words(row.get("text")), is_learnt=True)]
    if format_ == "preference":
        return [
            *_said(row.get("prompt"), _USER),
            *_said(row.get("chosen"), "Chosen answer", is_learnt=True),
            *_said(row.get("rejected"), "Rejected answer"),
        ]
    if format_ == "unpaired_preference":
        return [*_said(row.get("prompt"), _USER), *_marked(row)]
    asked, answered = _ONE_TURN[format_]
    question = _said(row.get(asked), _USER)
    if format_ == "alpaca" and row.get("input"):
        question = [Turn(_USER, f"{_words(row.get(asked))}\n\n{_words(row['input'])}")]
    return [*question, *_said(row.get(answered), _ASSISTANT, is_learnt=True)]


def _system(row: Mapping[str, Any]) -> list[Turn]:
    return [Turn(_SYSTEM, _words(row["system"]))] if row.get("system") else []


def _said(value: Any, speaker: str, *, is_learnt: bool = False) -> list[Turn]:
    """A text, or a piece of a conversation."""
    if isinstance(value, list):
        return _listed(value, "role", "content")
    return [Turn(speaker, _words(value), is_learnt)]


def _marked(row: Mapping[str, Any]) -> list[Turn]:
    """An answer with its mark; a bad one is learnt, too: to be avoided."""
    label = row.get("label")
    is_good = str(label).strip().lower() in {"true", "1", "yes"}
    said = _said(row.get("completion"), _ASSISTANT, is_learnt=True)
    mark = f"{'Good' if is_good else 'Bad'} answer" if label is not None else _ASSISTANT
    return [Turn(mark, turn.text, turn.is_learnt) if turn.is_learnt else turn for turn in said]


def _listed(value: Any, speaker: str, said: str) -> list[Turn]:
    if not isinstance(value, list):
        return [Turn("", _words(value))]
    return [_turn(one, speaker, said) for one in value]


def _turn(one: Any, speaker: str, said: str) -> Turn:
    if not isinstance(one, dict):
        return Turn("", _words(one))
    name = str(one.get(speaker, ""))
    words = _SPEAKERS.get(name, name)
    text = _words(one.get(said))
    if one.get("tool_calls"):
        text = f"{text}\n{_words(one['tool_calls'])}".strip()
    return Turn(words, text, words in {_ASSISTANT, "Tool call"})


def _words(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
