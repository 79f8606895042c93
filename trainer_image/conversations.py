"""What a row says, in any format, as the list of messages that a chat template takes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from trainer_image.row_formats import CALLERS, FORMAT_COLUMNS, ROLES, SPEAKERS, DatasetFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]
Message = dict[str, Any]

_HALF = re.compile("[\ud800-\udfff]")
"""Halves of characters, which JSON can hold and no tokenizer takes."""
_LABELS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
"""How a table of texts writes a label."""
_KEPT = ("reasoning_content", "thinking", "name", "tool_call_id")
"""What some templates read of a message beside role, content and tool calls."""


class RowError(ValueError):
    """One row cannot be used; the text says why."""


def conversation(row: Row, format_: DatasetFormat) -> list[Message]:
    """The messages of a row in any format; a ``text`` row is one assistant message of raw text,
    and of a preference pair it is the chosen answer. RowError where there is none to learn from."""
    if format_ is DatasetFormat.UNPAIRED_PREFERENCE:
        is_good(row)
    missing = [name for name in FORMAT_COLUMNS[format_] if row.get(name) is None]
    if missing:
        raise RowError(f"no value for {', '.join(map(repr, missing))}.")
    messages = _messages(row, format_)
    if row.get("system") and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": _text(row["system"], "system")})
    _require_answers(messages)
    return messages


def rejected(row: Row) -> list[Message]:
    """The other side of a preference pair, with the same prompt."""
    return conversation({**row, "chosen": row["rejected"]}, DatasetFormat.PREFERENCE)


def pair(row: Row) -> tuple[list[Message], list[Message], int]:
    """Both sides of a preference pair, and how many messages they begin with in common: only what
    comes after them is compared. RowError where the sides do not differ."""
    one, other = conversation(row, DatasetFormat.PREFERENCE), rejected(row)
    if one == other:
        raise RowError("the chosen and the rejected answer are the same.")
    alike = 0
    while alike < min(len(one), len(other)) and one[alike] == other[alike]:
        alike += 1
    if not all(any(said["role"] == "assistant" for said in side[alike:]) for side in (one, other)):
        raise RowError("the chosen and the rejected side do not differ in an answer.")
    return one, other, alike


def asked_before(row: Row) -> int:
    """How many messages come before the answer of a row that says whether it is a good one."""
    messages = conversation(row, DatasetFormat.UNPAIRED_PREFERENCE)
    return len(messages) - len(_said(row["completion"], "completion"))


def is_good(row: Row) -> bool:
    """The ``label`` of an answer: true for a good one. RowError where it says neither."""
    label = _label(row)
    if label is None:
        raise RowError("'label' is neither true (a good answer) nor false (a bad one).")
    return label


def says_good_or_bad(row: Mapping[str, Any]) -> bool:
    """Whether a row's ``label`` may be the one of an answer: other tables have classes there."""
    return _label(row) is not None


def _label(row: Mapping[str, Any]) -> bool | None:
    label = row.get("label")
    if isinstance(label, str):
        return _LABELS.get(label.strip().lower())
    return bool(label) if isinstance(label, int | float) and label in (0, 1) else None


def tools_of(row: Row) -> list[dict[str, Any]] | None:
    """The functions that the assistant may call, from the column ``tools``; None without any."""
    tools = row.get("tools")
    if isinstance(tools, str) and tools.strip():
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError) as error:
            raise RowError("'tools' is not valid JSON.") from error
    if not tools:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RowError("'tools' is not a list of functions.")
    return [without_nulls(tool) for tool in tools]


def without_nulls(value: Any) -> Any:
    """Without the empty fields that Parquet gives every record of a column."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _messages(row: Row, format_: DatasetFormat) -> list[Message]:
    if format_ is DatasetFormat.MESSAGES:
        return [_message(item) for item in _list(row["messages"])]
    if format_ is DatasetFormat.SHAREGPT:
        return [_sharegpt_message(item) for item in _list(row["conversations"])]
    if format_ is DatasetFormat.PREFERENCE:
        return _behind(_asked(row.get("prompt"), "prompt"), _said(row["chosen"], "chosen"))
    if format_ in (DatasetFormat.PROMPT_COMPLETION, DatasetFormat.UNPAIRED_PREFERENCE):
        return _asked(row["prompt"], "prompt") + _said(row["completion"], "completion")
    return _one_turn(row, format_)


def _asked(value: Any, name: str) -> list[Message]:
    """A prompt: a text, or the beginning of a conversation; a preference pair may have none."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [_message(item) for item in _list(value)]
    return [{"role": "user", "content": _text(value, name)}]


def _behind(prompt: list[Message], said: list[Message]) -> list[Message]:
    """Many collections of pairs repeat the prompt at the beginning of either side."""
    spoken = said[1:] if said[0]["role"] == "system" and prompt[:1] != said[:1] else said
    return said if spoken[: len(prompt)] == prompt else prompt + said


def _said(value: Any, name: str) -> list[Message]:
    """A completion: a text, or the end of a conversation."""
    if isinstance(value, list):
        return [_message(item) for item in _list(value)]
    return [{"role": "assistant", "content": _text(value, name)}]


def _one_turn(row: Row, format_: DatasetFormat) -> list[Message]:
    *asked, answer = FORMAT_COLUMNS[format_]
    answered = {"role": "assistant", "content": _text(row[answer], answer)}
    if not asked:
        return [answered]
    question = _text(row[asked[0]], asked[0])
    if format_ is DatasetFormat.ALPACA and row.get("input"):
        question += "\n\n" + _text(row["input"], "input")
    return [{"role": "user", "content": question}, answered]


def _message(item: Any) -> Message:
    role = ROLES.get(str(item.get("role"))) if isinstance(item, dict) else None
    if role is None:
        raise RowError(
            f"a message needs a 'role' out of {', '.join(dict.fromkeys(ROLES.values()))}."
        )
    message: Message = {"role": role}
    calls = _tool_calls(item.get("tool_calls")) if role == "assistant" else []
    if calls and item.get("content") is None:
        message["content"] = ""
    else:
        message["content"] = _content(item.get("content"))
    message |= {key: item[key] for key in _KEPT if isinstance(item.get(key), str)}
    return message | ({"tool_calls": calls} if calls else {})


def _content(value: Any) -> str:
    """The text of a message, which may be given in parts of text."""
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        if any(part.get("type") not in (None, "text") for part in value):
            raise RowError("a message with images or sound; only text can be learnt.")
        return "".join(_text(part.get("text"), "text") for part in value)
    return _text(value, "content")


def _tool_calls(value: Any) -> list[dict[str, Any]]:
    if not value:
        return []
    if not isinstance(value, list) or not all(isinstance(call, dict) for call in value):
        raise RowError("'tool_calls' is not a list of calls.")
    return [_call(call) for call in value]


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call in the shape that templates take: the arguments as an object, not as its JSON text."""
    inner = call.get("function")
    function: Mapping[str, Any] = inner if isinstance(inner, dict) else call
    name, arguments = function.get("name"), function.get("arguments", function.get("parameters"))
    if not isinstance(name, str) or not name:
        raise RowError("a tool call without the name of the function.")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise RowError(f"the arguments of the call of {name!r} are not valid JSON.") from error
    if not isinstance(arguments, dict | None):
        raise RowError(f"the arguments of the call of {name!r} are not an object.")
    identity = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    called = {"name": name, "arguments": without_nulls(arguments or {})}
    return {**identity, "type": "function", "function": called}


def _sharegpt_message(item: Any) -> Message:
    speaker = str(item.get("from")) if isinstance(item, dict) else ""
    role = SPEAKERS.get(speaker)
    if role is None:
        raise RowError(f"a turn needs 'from' out of {', '.join(SPEAKERS)}.")
    said = _text(item.get("value"), "value")
    calls = _calls_in(said) if speaker in CALLERS else []
    if calls:
        return {"role": role, "content": "", "tool_calls": calls}
    return {"role": role, "content": said}


def _calls_in(text: str) -> list[dict[str, Any]]:
    """The calls that a turn of ``function_call`` writes as JSON; none where it is plain text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return _tool_calls(value if isinstance(value, list) else [value])


def _require_answers(messages: list[Message]) -> None:
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        raise RowError("no answer of the assistant to learn from.")
    if not all(one["content"].strip() or one.get("tool_calls") for one in answers):
        raise RowError("an empty answer.")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise RowError("the conversation is not a list of messages.")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise RowError(f"{name!r} is not text.")
    if not value.isascii() and _HALF.search(value):
        raise RowError(f"{name!r} holds half a character.")
    return value
