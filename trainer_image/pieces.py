"""A dataset file in pieces that may be worked on apart, and what becomes of the rows of one."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer_image.conversations import RowError
from trainer_image.data import Encoded, encode
from trainer_image.preference_rows import without_torn
from trainer_image.rows import MOST_PROBLEMS, NumberedRow, numbered
from trainer_image.texts import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trainer_image.data import Recipe

_MOST_ROWS, _MOST_BYTES = 128, 128 * 1024
"""A piece takes some tens of milliseconds: short enough to stop behind one, long enough that
handing it over is nothing."""


@dataclass(frozen=True)
class Piece:
    """Bytes ``begin`` to ``end`` of a file; its first row (from 0) and its first line (from 1)."""

    number: int
    begin: int
    end: int
    row: int
    line: int


def pieces_of(path: Path) -> Iterator[Piece]:
    """A file in pieces of whole lines, in order."""
    number = begin = at = row = line = rows = 0
    with path.open("rb") as file:
        for count, text in enumerate(file, start=1):
            rows += bool(text.strip())
            at += len(text)
            if rows == _MOST_ROWS or at - begin >= _MOST_BYTES:
                yield Piece(number, begin, at, row, line + 1)
                number, begin, row, line, rows = number + 1, at, row + rows, count, 0
    if at > begin:
        yield Piece(number, begin, at, row, line + 1)


def lines_of(path: Path, piece: Piece) -> Iterator[tuple[int, int, int, bytes]]:
    """Each row of a piece: its number, its line's number, where that begins, and its bytes."""
    with path.open("rb") as file:
        file.seek(piece.begin)
        data = file.read(piece.end - piece.begin)
    begin, row = piece.begin, piece.row
    for line, text in enumerate(io.BytesIO(data)):
        if text.strip():
            yield row, piece.line + line, begin, text
            row += 1
        begin += len(text)


@dataclass
class Tokenised:
    """The rows of a piece as tokens, one behind the other (:func:`flat`), and for each text its
    row, its size, its length before it was cut and how many of its tokens are learnt."""

    values: Any
    table: list[tuple[int, int, int, int]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rows: int = 0


def tokenise(rows: Iterable[NumberedRow], recipe: Recipe) -> Tokenised:
    """Encode rows; the first problems are named, each with its line."""
    done, texts = Tokenised(None), list[Encoded]()
    for row in rows:
        done.rows += 1
        try:
            found = usable(encode(row.values, recipe), recipe)
        except RowError as error:
            done.problems.append(f"{row.place}: {error}")
            if len(done.problems) == MOST_PROBLEMS:
                break
            continue
        texts += found
        done.table += [entry(row.number, text) for text in found]
        if not found:
            done.dropped.append(row.place)
    done.values = flat(texts)
    return done


def usable(texts: list[Encoded], recipe: Recipe) -> list[Encoded]:
    """What of a row is trained on: texts of which something is learnt."""
    return without_torn(texts, [one for one in texts if one.trained_tokens], recipe.format)


def entry(row: int, text: Encoded) -> tuple[int, int, int, int]:
    """The line of a table that goes with a text."""
    return row, len(text.input_ids), text.length, text.trained_tokens


def rows_of(path: Path, piece: Piece) -> Iterator[NumberedRow]:
    """The rows of a piece; RowError, naming the line, at one that is no JSON object."""
    for row, line, _begin, text in lines_of(path, piece):
        yield numbered(row, f"{path.name} line {line}", text)
