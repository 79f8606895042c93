"""Rows of the library as the child reads them: one after the other, or any of them."""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUFFER_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class RowFile:
    """The rows of one dataset, and how often a merge takes them."""

    data: str
    index: str
    rows: int
    format: str
    name: str
    weight: float = 1.0

    def lines(self) -> Iterator[bytes]:
        """All rows, each without its line's end."""
        with Path(self.data).open("rb", buffering=_BUFFER_BYTES) as file:
            for line in file:
                yield line.rstrip()

    def offsets(self) -> array[int]:
        """Where each row begins, and where the last one ends; eight bytes a row."""
        found = array("Q")
        found.frombytes(Path(self.index).read_bytes())
        if sys.byteorder == "big":
            found.byteswap()
        found.append(Path(self.data).stat().st_size)
        return found


def parsed(line: bytes) -> dict[str, Any]:
    """The row of a line; halves of characters and very long numbers are left to the slow reader."""
    try:
        row: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError:
        row = json.loads(line)
    return row


def parsed_exactly(line: bytes) -> dict[str, Any]:
    """The row of a line that is to be written anew: orjson would round numbers beyond 64 bits."""
    row: dict[str, Any] = json.loads(line)
    return row


def written(row: dict[str, Any]) -> bytes:
    """The line of a row, whatever its texts hold."""
    try:
        return orjson.dumps(row)
    except TypeError:  # half a character, or a number beyond 64 bits
        return json.dumps(row).encode()


def with_column(line: bytes, row: dict[str, Any], column: str, value: str) -> bytes:
    """The line with another column; all else stays letter by letter, unless it was there already.

    ``row`` is changed, too.
    """
    is_new = column not in row
    row[column] = value
    if not is_new or not line.endswith(b"}"):
        return written(parsed_exactly(line) | {column: value})
    return b'%b,"%b":%b}' % (line[:-1], column.encode(), orjson.dumps(value))
