"""CSV and its relatives: any delimiter, quoted line breaks, and each row's line."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import IO, TYPE_CHECKING

from services.dataset_import.batches import Filling, UnreadableError
from services.dataset_import.findings import DROP, FIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dataset_import.batches import Batch, Intake, Row

DELIMITERS = ",\t;|:^~\x1f"
"""Those in use, the likeliest first."""
_SAMPLE_LINES = 200
_SAMPLE_BYTES = 256 * 1024
_MOST_CELL = 32 << 20
_CELL = 8
"""Characters that an empty cell is counted as: it takes memory, too."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SEP = re.compile(r"sep=(.)\s*$", re.IGNORECASE)
"""The first line with which Excel is told the delimiter."""


def read_delimited(file: IO[bytes], intake: Intake, delimiter: str = "") -> Iterator[Batch]:
    """Yield the rows below the header; ``delimiter`` is found in the first lines if not given."""
    lines = _Lines(file, intake)
    try:
        sample = lines.sample()
        if sample and (told := _SEP.match(sample[0])):
            delimiter = told.group(1)
            lines.skip_first()
            sample = sample[1:]
        yield from _Table(lines, delimiter or best_delimiter(sample), intake).batches()
    except UnicodeDecodeError as error:
        message = f"Not UTF-8 text: byte {error.start + 1} of the line is no character."
        intake.book.major("invalid_utf8", message, intake.number(), lines.last + 1, remedy=FIX)


class _Lines:
    """The lines of a file as text, of which the first ones can be looked at before."""

    def __init__(self, file: IO[bytes], intake: Intake) -> None:
        self._file = file
        self._intake = intake
        self._ready: list[str] = []
        self._rest = b""
        self.number = 0  # of the line that was given last
        self.last = 0  # of the one that was read last

    def sample(self) -> list[str]:
        size = 0
        while len(self._ready) < _SAMPLE_LINES and size < _SAMPLE_BYTES:
            more = self._next()
            if not more:
                break
            self._ready += more
            size += sum(map(len, more))
        return list(self._ready)

    def skip_first(self) -> None:
        del self._ready[0]
        self.number += 1

    def __iter__(self) -> Iterator[str]:
        while True:
            if not self._ready and not self._fill():
                return
            for line in self._taken():
                self.number += 1
                yield line

    def _taken(self) -> list[str]:
        ready, self._ready = self._ready, []
        return ready

    def _fill(self) -> bool:
        self._ready = self._next()
        return bool(self._ready)

    def _next(self) -> list[str]:
        text = self._whole_lines().decode("utf-8")
        found = _LINE.findall(text) if "\r" in text else [text] if text else []
        self.last += len(found)
        return found

    def _whole_lines(self) -> bytes:
        """The next line, or many where an old Mac ended them."""
        raw, self._rest = self._rest + self._file.readline(_MOST_CELL), b""
        if len(raw) < _MOST_CELL or raw.endswith(b"\n"):
            return raw
        end = raw.rfind(b"\r", 0, -1) + 1
        if not end:
            message = f"A line is longer than {_MOST_CELL >> 20} MB."
            self._intake.book.major(
                "row_too_long", message, self._intake.rows, self.last + 1, remedy=FIX
            )
            raise UnreadableError
        self._rest = raw[end:]
        return raw[:end]


class _Table:
    """The rows of one file."""

    def __init__(self, lines: _Lines, delimiter: str, intake: Intake) -> None:
        csv.field_size_limit(_MOST_CELL)
        self._lines = lines
        self._intake = intake
        self._reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
        self._header: list[str] = []
        self._first: list[str] = []
        self._shift = lines.number

    def batches(self) -> Iterator[Batch]:
        filling = Filling()
        for line, cells in self._records():
            if not self._header:
                self._header, self._first = self._named(cells), cells
            elif self._is_header(cells):
                message = "The header stands there again, and is left out."
                self._intake.book.minor("header_again", message, -1, line)
            elif cells:
                self._add(filling, line, cells)
            if filling.is_full:
                yield filling.take()
        yield filling.take()

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        begin = 1
        while True:
            begin = self._reader.line_num + self._shift + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = _explained(str(error))
                self._intake.book.major(
                    "bad_csv", message, self._intake.number(), begin, remedy=FIX
                )
                if "end of data" in str(error) or "limit" in str(error):
                    return
                continue
            yield begin, cells

    def _add(self, filling: Filling, line: int, cells: list[str]) -> None:
        number = self._intake.number()
        if len(cells) != len(self._header):
            message = f"It has {_cells(len(cells))}, the header has {len(self._header)}."
            self._intake.book.bad_row("cell_count", message, number, line, remedy=DROP)
            return
        if not any(cells):
            self._intake.rows -= 1
            self._intake.book.minor("empty_row", "A row without any content is left out.")
            return
        row: Row = dict(zip(self._header, cells, strict=True))
        filling.add(row, number, line, sum(map(len, cells)) + len(cells) * _CELL)

    def _is_header(self, cells: list[str]) -> bool:
        """Whether another table begins, as where files were written one behind the other."""
        return bool(cells) and [cells[0].removeprefix("\ufeff"), *cells[1:]] == self._first

    def _named(self, cells: list[str]) -> list[str]:
        names = [cell.strip() or f"column {place}" for place, cell in enumerate(cells, start=1)]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            self._intake.book.major(
                "duplicate_column", f"The header names {twice[0]!r} twice.", 0, 1, remedy=FIX
            )
            raise UnreadableError
        return names


def best_delimiter(sample: list[str]) -> str:
    """The delimiter with which most records have as many cells as the header; a comma else."""
    return max(DELIMITERS, key=lambda one: (*_fit(sample, one), -DELIMITERS.index(one)))


def _fit(sample: list[str], delimiter: str) -> tuple[float, int]:
    reader = csv.reader(iter(sample), delimiter=delimiter)
    try:
        sizes = [len(cells) for cells in reader if cells]
    except csv.Error:
        return 0.0, 0
    if not sizes or sizes[0] < 2:
        return 0.0, 0
    return sum(size == sizes[0] for size in sizes) / len(sizes), sizes[0]


def _explained(error: str) -> str:
    if "end of data" in error:
        return "A quotation mark that opens here is never closed."
    if "field larger" in error:
        return f"A cell is longer than {_MOST_CELL >> 20} MB: is a quotation mark left open?"
    return f"It cannot be read as CSV: {error}."


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
