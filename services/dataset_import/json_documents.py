"""A JSON document of any size: a list of rows, objects one after another, or rows under a name."""

from __future__ import annotations

import codecs
import json
import re
from typing import IO, TYPE_CHECKING

from services.dataset_import.batches import (
    CHARACTERS_AT_ONCE,
    CHUNK_BYTES,
    MOST_ROW_BYTES,
    ROWS_AT_ONCE,
)
from services.dataset_import.findings import FIX
from services.dataset_import.json_values import DECODER, to_batch
from services.dataset_import.kinds import WRAPPED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dataset_import.batches import Batch, Intake

_BLANK = re.compile(r"[ \t\r\n]*")
_NEAR_END = 16
"""Characters: an error so near to the end of what was read may only mean that more is to come."""


class _Window:
    """The part of the document that is looked at, and the line that it begins on."""

    def __init__(self, file: IO[bytes]) -> None:
        self.text = ""
        self.position = 0
        self.line = 1
        self.is_at_end = False
        self.name = ""  # under which the rows are, in an object
        self.others: list[tuple[str, int]] = []  # what else it holds, and how many
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def more(self) -> bool:
        """Read on, and forget what lies behind; False at the end. UnicodeDecodeError passes."""
        if self.is_at_end:
            return False
        self.move_to(self.position)
        chunk = self._file.read(max(CHUNK_BYTES, len(self.text)))
        self.is_at_end = not chunk
        rest, self.position = self.text[self.position :], 0
        self.text = rest + self._decoder.decode(chunk, final=self.is_at_end)
        return True

    def move_to(self, position: int) -> None:
        """Go on at a later place."""
        self.line += self.text.count("\n", self.position, position)
        self.position = position

    def skip_blank(self) -> str:
        """Pass blanks; the character that follows, or the empty string at the end."""
        while True:
            match = _BLANK.match(self.text, self.position)
            self.move_to(match.end() if match else self.position)
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.more():
                return ""


def read_json_document(file: IO[bytes], intake: Intake) -> Iterator[Batch]:
    """Yield the rows; reading ends at the first place that is no JSON, which the book names."""
    window = _Window(file)
    texts: list[bytes] = []
    lines: list[int] = []
    size = 0
    problem: tuple[str, str] | None = None
    try:
        for text, line in _values(window):
            texts.append(text)
            lines.append(line)
            size += len(text)
            if len(texts) == ROWS_AT_ONCE or size >= CHARACTERS_AT_ONCE:
                yield to_batch(texts, lines, intake)
                texts, lines, size = [], [], 0
    except UnicodeDecodeError as error:
        line = window.line + window.text.count("\n", window.position)
        line += bytes(error.object[: error.start]).count(b"\n")
        window.line = line
        problem = ("invalid_utf8", "Not UTF-8 text: a byte that is no character.")
    except json.JSONDecodeError as error:
        window.line = error.lineno
        problem = ("invalid_json", f"Not valid JSON: {error.msg} at column {error.colno}.")
    except RecursionError:
        problem = ("too_deep", "The JSON is nested too deeply to be a row.")
    if texts:
        yield to_batch(texts, lines, intake)
    for name, count in window.others:
        rest = f"{name!r} holds {count:,} more rows"
        intake.book.minor("rows_left", f"{rest}, which are left out: {window.name!r} is read.")
    if problem is not None:
        intake.book.major(*problem, intake.number(), window.line, remedy=FIX)


def _values(window: _Window) -> Iterator[tuple[bytes, int]]:
    if _enter(window):
        yield from _elements(window)
        _leave(window)
        return
    while window.skip_blank():
        line = window.line
        yield _value(window), line


def _elements(window: _Window) -> Iterator[tuple[bytes, int]]:
    """The values of a list whose beginning is passed, up to behind its end."""
    is_first = True
    while (character := window.skip_blank()) != "]":
        if not is_first:
            if character != ",":
                raise _error(window, "a comma or ] is missing")
            window.move_to(window.position + 1)
            window.skip_blank()
        is_first = False
        line = window.line
        yield _value(window), line
    window.move_to(window.position + 1)


def _enter(window: _Window) -> bool:
    """Go to the first row; whether the rows are in a list."""
    window.skip_blank()
    wrapped = WRAPPED.match(window.text, window.position)
    if wrapped:
        window.move_to(wrapped.end())
        window.name = wrapped["name"]
        return True
    if window.text[window.position : window.position + 1] == "[":
        window.move_to(window.position + 1)
        return True
    return False


def _leave(window: _Window) -> None:
    """Only the end may follow a list, and what else an object around it holds."""
    if window.name:
        _pass_others(window)
    if window.skip_blank():
        raise _error(window, "something follows the end of the rows")


def _pass_others(window: _Window) -> None:
    """Go behind the object around the rows, and count what it holds under other names."""
    while (character := window.skip_blank()) == ",":
        window.move_to(window.position + 1)
        window.skip_blank()
        name = json.loads(_value(window))
        if window.skip_blank() != ":":
            raise _error(window, "a colon is missing")
        window.move_to(window.position + 1)
        if window.skip_blank() != "[":
            _value(window)
            continue
        window.move_to(window.position + 1)
        count = sum(text.startswith(b"{") for text, _ in _elements(window))
        if count:
            window.others.append((str(name), count))
    if character != "}":
        raise _error(window, "a comma or } is missing")
    window.move_to(window.position + 1)


def _value(window: _Window) -> bytes:
    while True:
        try:
            _, end = DECODER.raw_decode(window.text, window.position)
        except json.JSONDecodeError as error:
            if not _may_go_on(window, error) or not window.more():
                raise _placed(window, error) from None
            continue
        if end == len(window.text) and window.more():  # a number may go on
            continue
        text = window.text[window.position : end].encode("utf-8", "surrogatepass")
        window.move_to(end)
        return text


def _may_go_on(window: _Window, error: json.JSONDecodeError) -> bool:
    if len(window.text) - window.position > MOST_ROW_BYTES:
        return False
    is_near_end = error.pos >= len(window.text) - _NEAR_END
    return not window.is_at_end and (is_near_end or error.msg.startswith("Unterminated string"))


def _placed(window: _Window, error: json.JSONDecodeError) -> json.JSONDecodeError:
    """The same error, with its line counted from the beginning of the file."""
    message = error.msg if error.pos < len(window.text) else "the file ends in the middle of a row"
    found = json.JSONDecodeError(message, error.doc, error.pos)
    found.lineno = window.line + window.text.count("\n", window.position, error.pos)
    return found


def _error(window: _Window, message: str) -> json.JSONDecodeError:
    return _placed(window, json.JSONDecodeError(message, window.text, window.position))
