"""Where each kept row stood in the file that it came from, for who names rows after an import."""

from __future__ import annotations

import struct
import sys
from array import array
from contextlib import suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from services.dataset_import.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.data_report import Finding

_PLACE = struct.Struct("<QQ")


class PlaceWriter:
    """Appends 16 bytes for each kept row: its number in the file from 0, its line from 1, which is
    0 where it has none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def write(self, batch: Batch) -> None:
        """Every row of this batch was kept."""
        pairs = zip(batch.numbers, batch.lines, strict=True)
        places = array("Q", [value for pair in pairs for value in pair])
        if sys.byteorder == "big":
            places.byteswap()
        self._file.write(places.tobytes())

    def close(self) -> None:
        """Bring everything into the file."""
        self._file.close()

    def discard(self) -> None:
        """Close and remove the file; a full disk cannot prevent it."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def singles(batch: Batch) -> Iterator[Batch]:
    """A batch of each row alone, so that it can be told which of them are kept."""
    for index in range(len(batch.rows)):
        one = slice(index, index + 1)
        raw = None if batch.raw is None else batch.raw[one]
        numbers, lines = batch.numbers[one], batch.lines[one]
        yield Batch(batch.rows[one], numbers, lines, raw, needs_a_look=batch.needs_a_look)


def without_lines(batches: Iterator[Batch]) -> Iterator[Batch]:
    """For rows whose lines are those of a stream that the user never sees."""
    for batch in batches:
        yield replace(batch, lines=[0] * len(batch.rows))


def located(finding: Finding, path: Path) -> Finding:
    """A finding about kept rows with the rows and lines that they had in the user's file."""
    with path.open("rb") as file:
        places = [_place(file, row) for row in finding.rows]
    return replace(
        finding,
        rows=tuple(row for row, _ in places),
        lines=tuple(line for _, line in places),
    )


def _place(file: IO[bytes], row: int) -> tuple[int, int]:
    file.seek(row * _PLACE.size)
    number, line = _PLACE.unpack(file.read(_PLACE.size))
    return number, line
