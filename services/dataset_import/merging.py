"""The rows of several datasets as one: how often each comes, in which order, in which format."""

from __future__ import annotations

import random
from array import array
from bisect import bisect_right
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.dataset import merged_rows
from models.domain.errors import AppError
from services.dataset_import.rework_rows import parsed, parsed_exactly, with_column, written
from trainer_image.conversations import RowError, conversation
from trainer_image.row_formats import FORMAT_COLUMNS, DatasetFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.dataset_import.rework_rows import RowFile

PROVENANCE = "dataset"
"""The column that says which dataset a row came from."""


def merged_lines(
    sources: Sequence[RowFile], format_: str, seed: int, *, shuffle: bool
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each row of the merge in turn: its line and what that says.

    AppError("bad_rows") names a row that cannot be written in the common format.
    """
    offsets = [source.offsets() for source in sources]
    firsts = [0, *accumulate(source.rows for source in sources)]
    with ExitStack() as stack:
        # Mixed rows are far from each other, so a buffer would be read for each and thrown away.
        files = [
            stack.enter_context(Path(source.data).open("rb", buffering=0)) for source in sources
        ]
        for number in _order(sources, firsts, seed, shuffle=shuffle):
            which = bisect_right(firsts, number) - 1
            row_number = number - firsts[which]
            begin, end = offsets[which][row_number : row_number + 2]
            files[which].seek(begin)
            line = files[which].read(end - begin)
            yield _of_source(line, sources[which], row_number, format_)


def _order(
    sources: Sequence[RowFile], firsts: Sequence[int], seed: int, *, shuffle: bool
) -> array[int]:
    """The numbers of the rows, counted through all datasets; eight bytes a row."""
    order = array("Q")
    for which, source in enumerate(sources):
        wanted = merged_rows(source.rows, source.weight)
        numbers = range(firsts[which], firsts[which] + source.rows)
        while wanted >= source.rows > 0:
            order.extend(numbers)
            wanted -= source.rows
        # Seeded by a text, which gives the same choice on every computer.
        order.extend(_some(numbers, wanted, random.Random(f"{seed}/{which}")))  # noqa: S311
    if shuffle:
        random.Random(f"{seed}").shuffle(order)  # noqa: S311 - rows are mixed, nothing is hidden
    return order


def _some(numbers: range, wanted: int, chance: random.Random) -> Iterator[int]:
    """So many of the numbers, in order, without holding them (Knuth's selection sampling)."""
    for seen, number in enumerate(numbers):
        if wanted and chance.random() * (len(numbers) - seen) < wanted:
            wanted -= 1
            yield number


def _of_source(
    line: bytes, source: RowFile, number: int, format_: str
) -> tuple[bytes, dict[str, Any]]:
    line = line.rstrip()
    if source.format == format_:
        row = parsed(line)
    else:
        try:
            row = as_messages(parsed_exactly(line), source.format)
        except RowError as error:
            raise AppError(
                "bad_rows",
                f'Row {number + 1:,} of "{source.name}" cannot be written as messages: {error}',
                "Leave that row out, or merge datasets of one format.",
            ) from error
        line = written(row)
    return with_column(line, row, PROVENANCE, source.name), row


def as_messages(row: dict[str, Any], format_: str) -> dict[str, Any]:
    """A conversation of any format as messages, read as the trainer reads it; RowError.

    Columns that are no part of the conversation stay.
    """
    known = DatasetFormat(format_)
    spent = {*FORMAT_COLUMNS[known], "system", "messages"}
    if known is DatasetFormat.ALPACA:
        spent.add("input")
    others = {name: value for name, value in row.items() if name not in spent}
    return {"messages": conversation(row, known)} | others
