"""Finding the next row of a dataset that holds a text, without reading all of it into memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from services.dataset_import.rework_rows import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from services.progress import CancelToken

_BLOCK_BYTES = 1 << 20
_BLOCK_ROWS = 4096
_OFFSET_BYTES = 8


def find_row(
    data: Path,
    index: Path,
    text: str,
    start: int,
    *,
    backwards: bool,
    cancel: CancelToken | None = None,
) -> int | None:
    """The number of the first row from ``start`` on (itself counts), or before it, that holds the
    text in any case of letters; None where there is none. Cancelled.

    Looked at are the values as they are read, at any depth, not how JSON writes them.
    """
    wanted = text.casefold()
    if not wanted:
        return None
    plain = wanted.encode() if wanted.isascii() and wanted.replace(" ", "").isalnum() else b""
    with data.open("rb") as rows, index.open("rb") as offsets:
        for first, block in _blocks(rows, offsets, start, backwards=backwards):
            if cancel is not None:
                cancel.raise_if_cancelled()
            if plain and _lacks(block, plain):
                continue
            lines = list(enumerate(block.removesuffix(b"\n").split(b"\n"), first))
            for number, line in reversed(lines) if backwards else lines:
                if not (plain and _lacks(line, plain)) and holds(parsed(line), wanted):
                    return number
    return None


def holds(row: dict[str, Any], wanted: str) -> bool:
    """Whether any value of the row has this text, given without case."""
    waiting: list[Any] = [row]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif one is not None and wanted in str(one).casefold():
            return True
    return False


def _lacks(lines: bytes, plain: bytes) -> bool:
    """Whether letters and digits that are not in these bytes cannot be in what they mean."""
    return lines.isascii() and b"\\u" not in lines and plain not in lines.lower()


def _blocks(
    rows: BinaryIO, offsets: BinaryIO, start: int, *, backwards: bool
) -> Iterator[tuple[int, bytes]]:
    """Neighbouring rows, about a megabyte each, with the number of the first."""
    count, size = offsets.seek(0, 2) // _OFFSET_BYTES, rows.seek(0, 2)
    low, high = (0, min(start + 1, count)) if backwards else (max(start, 0), count)
    while low < high:
        near, far = (max(low, high - _BLOCK_ROWS), high) if backwards else (
            low, min(high, low + _BLOCK_ROWS)
        )  # fmt: skip
        begins = _begins(offsets, near, far, size)
        near, far, begins = _cut(near, far, begins, backwards=backwards)
        rows.seek(begins[0])
        yield near, rows.read(begins[-1] - begins[0])
        low, high = (low, near) if backwards else (far, high)


def _begins(offsets: BinaryIO, first: int, last: int, size: int) -> list[int]:
    """Where the rows from ``first`` to before ``last`` begin, and where the last of them ends."""
    offsets.seek(first * _OFFSET_BYTES)
    found = offsets.read((last - first + 1) * _OFFSET_BYTES)
    begins = list(struct.unpack(f"<{len(found) // _OFFSET_BYTES}Q", found))
    return begins if len(begins) > last - first else [*begins, size]


def _cut(
    first: int, last: int, begins: list[int], *, backwards: bool
) -> tuple[int, int, list[int]]:
    """Fewer rows where they are too long together; at least one."""
    while last - first > 1 and begins[-1] - begins[0] > _BLOCK_BYTES:
        half = (last - first) // 2
        if backwards:
            first, begins = first + half, begins[half:]
        else:
            last, begins = first + half, begins[: half + 1]
    return first, last, begins
