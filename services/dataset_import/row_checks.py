"""One row in one format: values that must be text, lists written as text, and what is told."""

from __future__ import annotations

import json
import re
from operator import eq
from typing import TYPE_CHECKING, Any

from models.domain.column_mapping import ROW_FORMATS
from services.dataset_import.conversation_checks import (
    Verdict,
    check_messages,
    check_sharegpt,
    check_tools,
    is_plain_chat,
)
from services.dataset_import.findings import DROP, FIX
from trainer_image.conversations import RowError, is_good
from trainer_image.row_formats import ROLES, SPEAKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dataset_import.batches import Row

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LOST = "\ufffd"
_CONVERSATIONS = {"messages": ("messages",), "sharegpt": ("conversations",)}
_EITHER = {
    "preference": ("prompt", "chosen", "rejected"),
    "prompt_completion": ("prompt", "completion"),
    "unpaired_preference": ("prompt", "completion"),
}
"""Columns that hold a text or messages."""
_LABELLED = "unpaired_preference"


def is_plain(row: Row, format_: str) -> bool:
    """Whether there is nothing to change or tell, as in most rows; about half a microsecond."""
    if row.get("tools") or type(row.get("system", "")) is not str:
        return False
    if format_ == "messages":
        return is_plain_chat(row["messages"], "role", "content", ROLES)
    if format_ == "sharegpt":
        return is_plain_chat(row["conversations"], "from", "value", SPEAKERS)
    if format_ == _LABELLED and type(row["label"]) is not bool:
        return False
    for column in _texts_of(format_):
        value = row[column]
        if type(value) is not str or not value or value.isspace():
            return False
        if value[0] == "[" and format_ in _EITHER:
            return False
    if format_ == "preference":
        return row["chosen"] != row["rejected"] and type(row.get("prompt", "")) is str
    return format_ != "alpaca" or type(row.get("input", "")) is str


def all_plain(rows: list[Row], format_: str) -> bool:
    """The same of many rows that have the same columns, ten times as fast for texts."""
    if "tools" in rows[0] or ("system" in rows[0] and not _are_texts(rows, "system")):
        return False
    if format_ in _CONVERSATIONS:
        return all(is_plain(row, format_) for row in rows)
    if format_ == _LABELLED and {type(row["label"]) for row in rows} != {bool}:
        return False
    columns = [[row[column] for row in rows] for column in _texts_of(format_)]
    for values in columns:
        if set(map(type, values)) != {str} or "" in values or any(map(str.isspace, values)):
            return False
        if format_ in _EITHER and any(value[0] == "[" for value in values):
            return False
    extra = {"preference": "prompt", "alpaca": "input"}.get(format_, "")
    if extra in rows[0] and not _are_texts(rows, extra):
        return False
    return format_ != "preference" or not any(map(eq, *columns))


def _texts_of(format_: str) -> tuple[str, ...]:
    """The columns that a format needs, but for a label."""
    return tuple(column for column in ROW_FORMATS[format_] if column != "label")


def _are_texts(rows: list[Row], column: str) -> bool:
    return {type(row[column]) for row in rows} == {str}


def check_row(row: Row, format_: str) -> tuple[Row, Verdict]:
    """The row as it is stored, and what there is to say of it."""
    verdict = Verdict()
    row = _with_lists(row, format_, verdict)
    row = _with_texts(row, format_, verdict)
    if format_ == _LABELLED:
        row = _with_label(row, verdict)
    check_tools(row.get("tools"), verdict)
    if verdict.problems:
        return row, verdict
    if format_ == "messages":
        check_messages(row["messages"], verdict)
    elif format_ == "sharegpt":
        check_sharegpt(row["conversations"], verdict)
    elif format_ in _EITHER:
        _check_either(row, format_, verdict)
    return row, verdict


def look_closely(row: Row, verdict: Verdict) -> None:
    """Characters that are in no text by intention."""
    is_control = is_lost = False
    for text in texts_in(row):
        is_control = is_control or _CONTROL.search(text) is not None
        is_lost = is_lost or _LOST in text
    if is_control:
        verdict.note("control_characters", "It holds control characters, such as a zero byte.")
    if is_lost:
        verdict.note("lost_characters", "It holds \ufffd, where an earlier program lost a letter.")


def texts_in(value: object) -> Iterator[str]:
    """All texts of a row, also the nested ones."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _with_lists(row: Row, format_: str, verdict: Verdict) -> Row:
    """Messages that are written as text, as CSV must, become lists."""
    must = _CONVERSATIONS.get(format_, ())
    for column in (*must, *_EITHER.get(format_, ())):
        value = row.get(column)
        if isinstance(value, dict) and _is_columns(value):
            turns = zip(*value.values(), strict=True)
            row = {**row, column: [dict(zip(value, turn, strict=True)) for turn in turns]}
            verdict.note("columns_of_turns", f"{column!r} held a list for each field of a turn.")
        if not isinstance(value, str) or not value.lstrip().startswith("["):
            continue
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            if column in must:
                verdict.refuse("bad_nested_json", f"{column!r} holds JSON that is not valid.", FIX)
            continue
        if isinstance(found, list) and found and all(isinstance(turn, dict) for turn in found):
            row = {**row, column: found}
            verdict.note("json_in_text", f"{column!r} was JSON in a text; it is read as a list.")
    return row


def _is_columns(value: dict[str, Any]) -> bool:
    """Whether a conversation is written as lists of speakers and texts, as Parquet may have it."""
    lists = [item for item in value.values() if isinstance(item, list)]
    return len(lists) == len(value) > 1 and len({len(item) for item in lists}) == 1


def _with_texts(row: Row, format_: str, verdict: Verdict) -> Row:
    """Numbers become text; what is empty or no text at all is refused."""
    either = _EITHER.get(format_, ())
    for column in _texts_of(format_):
        value = row.get(column)
        if column in _CONVERSATIONS.get(format_, ()) or (
            column in either and isinstance(value, list) and value
        ):
            if value is None:
                verdict.refuse("empty_value", f"{column!r} is empty.")
            continue
        row = _with_text(row, column, value, verdict)
    for column in ("system", *(["input"] if format_ == "alpaca" else [])):
        value = row.get(column)
        if value and not isinstance(value, str):  # these may be empty
            row = _with_text(row, column, value, verdict)
    return row


def _with_text(row: Row, column: str, value: Any, verdict: Verdict) -> Row:
    if (
        value is None
        or (isinstance(value, str) and not value.strip())
        or value == []
        or value == {}
    ):
        verdict.refuse("empty_value", f"{column!r} is empty.")
    elif isinstance(value, int | float):
        verdict.note("number_as_text", f"{column!r} is a number or truth value, read as text.")
        return {**row, column: json.dumps(value)}
    elif not isinstance(value, str):
        kind = "list" if isinstance(value, list) else "object"
        verdict.refuse("wrong_type", f"{column!r} is {kind}, not text.", FIX)
    return row


def _with_label(row: Row, verdict: Verdict) -> Row:
    """The label as a truth value, however it is written."""
    try:
        label = is_good(row)
    except RowError as error:
        verdict.refuse("bad_label", str(error), FIX)
        return row
    if row["label"] is label:
        return row
    verdict.note("label_read", "'label' is no truth value; it is read as true or false.")
    return {**row, "label": label}


def _check_either(row: Row, format_: str, verdict: Verdict) -> None:
    for column in _EITHER[format_]:
        value = row.get(column)
        if isinstance(value, list) and value:
            check_messages(value, verdict, answers=column != "prompt", where=column)
        elif value is not None and not isinstance(value, str):
            verdict.refuse("wrong_type", f"{column!r} is not text.", FIX)
    if format_ == "preference" and row["chosen"] == row["rejected"]:
        message = "The chosen and the rejected answer are the same, which teaches nothing."
        verdict.refuse("chosen_equals_rejected", message, DROP)
