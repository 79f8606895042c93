"""JSONL: a JSON object on each line, or several objects one after another."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from services.dataset_import.batches import CHUNK_BYTES, MOST_ROW_BYTES, Batch
from services.dataset_import.findings import FIX
from services.dataset_import.json_values import DECODER, is_odd, plain_rows, to_batch
from services.dataset_import.kinds import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dataset_import.batches import Intake

_OBJECTS = re.compile(rb"\}\s*\{")
"""The look of a line that may hold several objects."""
_BLANK = re.compile(r"\s*")


def read_json_lines(file: IO[bytes], intake: Intake) -> Iterator[Batch]:
    """Yield the rows of a JSONL file; blank lines are passed over, bad ones told in the book."""
    number = 1
    for chunk in whole_lines(file, intake):
        lines = chunk.split(b"\n")
        if not lines[-1]:
            lines.pop()
        batch = _batch(chunk, lines, number, intake)
        if batch is not None:
            yield batch
        number += len(lines)


def whole_lines(file: IO[bytes], intake: Intake) -> Iterator[bytes]:
    """The file in pieces that end where a line does, whatever the length of the lines."""
    held: list[bytes] = []
    size = 0
    while chunk := file.read(CHUNK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join([*held, chunk[:end]])
            held, size = [chunk[end:]], len(chunk) - end
        else:
            held.append(chunk)
            size += len(chunk)
        if size > MOST_ROW_BYTES:
            intake.book.major(
                "row_too_long",
                f"One row is longer than {MOST_ROW_BYTES >> 20} MB.",
                intake.rows,
                0,
                remedy=FIX,
            )
            return
    rest = b"".join(held)
    if rest:
        yield rest


def _batch(chunk: bytes, lines: list[bytes], number: int, intake: Intake) -> Batch | None:
    """Plain lines at full speed; where there is anything else, each by itself."""
    if b"\r" not in chunk:
        rows = plain_rows(lines, chunk)
        if rows is not None:
            first, count = intake.number(len(lines)), len(lines)
            numbers, places = range(first, first + count), range(number, number + count)
            block = chunk if chunk.endswith(b"\n") else chunk + b"\n"
            return Batch(rows, numbers, places, lines, block, is_odd(chunk))
    stripped = [line.strip(b" \t\r\x0b\x0c").removeprefix(MARK) for line in lines]
    texts = [text for text in stripped if text]
    filled = [place for place, text in enumerate(stripped, start=number) if text]
    if not texts:
        return None
    if any(_OBJECTS.search(text) for text in texts):
        texts, filled = _apart(texts, filled)
    return to_batch(texts, filled, intake, b"\n".join([*texts, b""]))


def _apart(texts: list[bytes], places: list[int]) -> tuple[list[bytes], list[int]]:
    """Objects that stand on one line, one after another; a line that is not so stays whole."""
    found: list[tuple[bytes, int]] = []
    for text, place in zip(texts, places, strict=True):
        parts = _objects(text) if _OBJECTS.search(text) else [text]
        found += [(part, place) for part in parts]
    return [text for text, _ in found], [place for _, place in found]


def _objects(text: bytes) -> list[bytes]:
    try:
        whole = text.decode("utf-8")
    except UnicodeDecodeError:
        return [text]
    parts, position = [], 0
    try:
        while position < len(whole):
            _, end = DECODER.raw_decode(whole, position)
            parts.append(whole[position:end].encode("utf-8", "surrogatepass"))
            blank = _BLANK.match(whole, end)
            position = blank.end() if blank else end
    except (ValueError, RecursionError):
        return [text]
    return parts
