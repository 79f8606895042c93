"""JSON texts to rows: at full speed where they are plain, and with a close look where not."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from services.dataset_import.batches import Batch
from services.dataset_import.findings import DROP, FIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dataset_import.batches import Intake, Row

_ODD = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:[bf]|u00[01]|u007f|u0022|ufffd)", re.IGNORECASE)
"""Control characters and the replacement character, as JSON writes them; quotes in disguise."""
_LOST = "\ufffd".encode()
_ESCAPES = (b"\\u00", b"\\b", b"\\f", b"\\ufffd", b"\\uFFFD")
_LONGEST_WHOLE = 18
"""Digits of a whole number that always fits 64 bits."""


DECODER = json.JSONDecoder(parse_int=str)
"""Finds where a value ends. Numbers may have any length in JSON, in Python 4300 digits."""


class RowProblem(ValueError):  # noqa: N818 - what is wrong with one row, told in the report
    """One JSON text is no row; ``code`` names the kind of problem."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def to_batch(texts: list[bytes], lines: Sequence[int], intake: Intake, block: bytes = b"") -> Batch:
    """The rows of these JSON texts, each of which starts at a line; bad ones go into the book.

    ``block``: all the texts, each one line with its end, which may be stored as they are.
    """
    whole = block or b"\n".join(texts)
    rows = plain_rows(texts, whole)
    if rows is None:
        return one_by_one(texts, lines, intake)
    first = intake.number(len(texts))
    numbers = range(first, first + len(texts))
    return Batch(rows, numbers, lines, texts if block else None, block, is_odd(whole))


def is_odd(whole: bytes) -> bool:
    """Whether there are characters that are in no text by intention. Searching for each of them
    is ten times as fast as one expression for all, and mostly finds nothing."""
    if b"\x7f" in whole or (not whole.isascii() and _LOST in whole):
        return True
    if b"\\" not in whole or not any(one in whole for one in _ESCAPES):
        return False
    return _ODD.search(whole) is not None


def plain_rows(texts: list[bytes], whole: bytes) -> list[Row] | None:
    """All rows, if none has anything to look at; about 2 microseconds each.

    A repeated name is seen by its quotes: the parsed row, written again, has fewer.
    """
    try:
        rows = list(map(orjson.loads, texts))
        if set(map(type, rows)) != {dict}:
            return None
        written = orjson.dumps(rows)
    except (ValueError, TypeError):
        return None
    is_same = whole.count(b'"') == written.count(b'"')
    # The first search is ten times as fast as the second.
    is_disguised = b"\\" in whole and b"\\u0022" in whole
    return rows if is_same and not is_disguised else None


def one_by_one(texts: list[bytes], lines: Sequence[int], intake: Intake) -> Batch:
    """The same with a close look at each text."""
    first = intake.number(len(texts))
    rows: list[Row] = []
    numbers: list[int] = []
    places: list[int] = []
    for offset, text in enumerate(texts):
        try:
            row, notes = careful(text)
        except RowProblem as problem:
            remedy = DROP if problem.code in {"not_object", "lone_surrogate"} else FIX
            intake.book.bad_row(
                problem.code, str(problem), first + offset, lines[offset], remedy=remedy
            )
            continue
        for code, message in notes.items():
            intake.book.minor(code, message, first + offset, lines[offset])
        rows.append(row)
        numbers.append(first + offset)
        places.append(lines[offset])
    return Batch(rows, numbers, places, needs_a_look=True)


def careful(text: bytes) -> tuple[Row, dict[str, str]]:
    """One row with what is to be told of it; RowProblem where it cannot be used."""
    hooks = _Hooks()
    row = _parsed(text, hooks)
    try:
        orjson.dumps(row)
    except TypeError:
        if _has_surrogate(row):
            message = "It holds half a character (a lone surrogate)."
            raise RowProblem("lone_surrogate", message) from None
        raise _too_deep() from None
    if not isinstance(row, dict):
        raise RowProblem("not_object", f"It is a {_kind(row)}, not an object with columns.")
    return row, hooks.notes


class _Hooks:
    """What the parser calls for what JSON leaves open."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def pairs(self, items: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object, whose names must differ."""
        found = dict(items)
        if len(found) < len(items):
            counts = Counter(name for name, _ in items)
            twice = next(name for name in found if counts[name] > 1)
            raise RowProblem("duplicate_key", f"The name {twice!r} stands twice in one object.")
        return found

    def constant(self, _name: str) -> None:
        """NaN and its like."""
        self.notes["not_finite"] = "NaN or Infinity is not JSON; it is read as an empty value."

    def number(self, digits: str) -> float | None:
        """A number with a fraction or an exponent."""
        value = float(digits)
        if math.isinf(value):
            self.constant(digits)
            return None
        return value

    def whole(self, digits: str) -> int | str:
        """A whole number."""
        if len(digits) <= _LONGEST_WHOLE:
            return int(digits)
        self.notes["long_number"] = "A number of more than 18 digits is kept as text."
        return digits


def _parsed(text: bytes, hooks: _Hooks) -> Any:
    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=hooks.pairs,
            parse_constant=hooks.constant,
            parse_float=hooks.number,
            parse_int=hooks.whole,
        )
    except UnicodeDecodeError as error:
        message = f"Not UTF-8 text: byte {error.start + 1} of the line is no character."
        raise RowProblem("invalid_utf8", message) from None
    except json.JSONDecodeError as error:
        raise RowProblem("invalid_json", _what(error)) from None
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> RowProblem:
    return RowProblem("too_deep", "The JSON is nested too deeply to be a row.")


def _what(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "Not valid JSON: nothing is there."
    return f"Not valid JSON: {error.msg} at column {error.colno}."


def _has_surrogate(value: object) -> bool:
    return any(
        "\ud800" <= character <= "\udfff" for character in json.dumps(value, ensure_ascii=False)
    )


def _kind(value: object) -> str:
    names = {list: "list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "number")
