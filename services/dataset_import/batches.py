"""What readers yield: some rows at a time, so that the work on each is little."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from services.dataset_import.findings import FindingBook

Row = dict[str, Any]
CHUNK_BYTES = 1 << 18
"""Read at once: more would only push the rows out of the processor's cache."""
MOST_ROW_BYTES = 64 << 20
"""The longest row: many times the longest context there is, and a limit to what is held."""
ROWS_AT_ONCE = 2000
CHARACTERS_AT_ONCE = 1 << 20
"""Rows are passed on when there are so many of them, or of their characters: long ones must not add
up."""


@dataclass(slots=True)
class Batch:
    """Rows that could be read, each with its number from 0 and its line from 1 (0: it has none).

    ``raw`` holds the bytes of each row where they can be stored as they are, else None, and
    ``block`` all of them together, each with its line's end.
    ``needs_a_look`` says that a rare character or value in it wants a slow check.
    """

    rows: list[Row]
    numbers: Sequence[int]
    lines: Sequence[int]
    raw: list[bytes] | None = None
    block: bytes = b""
    needs_a_look: bool = False


class Filling:
    """Gathers rows one by one until they are worth a batch."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._numbers: list[int] = []
        self._lines: list[int] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        """Whether the rows should be passed on."""
        return len(self._rows) >= ROWS_AT_ONCE or self._size >= CHARACTERS_AT_ONCE

    def add(self, row: Row, number: int, line: int, size: int) -> None:
        """Append a row that has about so many characters."""
        self._rows.append(row)
        self._numbers.append(number)
        self._lines.append(line)
        self._size += size

    def take(self) -> Batch:
        """What was gathered, each of which wants a slow look; then there is nothing."""
        batch = Batch(self._rows, self._numbers, self._lines, needs_a_look=True)
        self._rows, self._numbers, self._lines, self._size = [], [], [], 0
        return batch


@dataclass(slots=True)
class Intake:
    """What all readers of one import share: the count of rows, and what is wrong with them."""

    book: FindingBook
    rows: int = 0
    consumed: int = 0
    """Bytes read of the user's file, for progress."""
    splits: dict[str, int] = field(default_factory=dict)

    def number(self, count: int = 1) -> int:
        """The number of the next row, of which ``count`` are taken."""
        first = self.rows
        self.rows += count
        return first


@dataclass(frozen=True, slots=True)
class Part:
    """One file to read: the user's own, or one in an archive or folder, already unpacked.

    ``open`` gives its bytes from the beginning each time. ``name`` is for messages, ``split`` what
    its name says of its rows (``train``, ``test``), where it is one of several.
    """

    name: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None
    split: str = ""


class UnreadableError(Exception):
    """A whole file cannot be read; the finding is in the book already."""
