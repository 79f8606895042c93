"""The rows of a dataset: read, checked, and divided into what is trained and what is held out.

Nothing heavy here, so that a bad file is refused at once, with all of its problems.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from trainer_image.contract import DatasetSpec, FailureKind
from trainer_image.conversations import RowError, conversation, pair, says_good_or_bad
from trainer_image.failures import RefusedError
from trainer_image.row_formats import FORMAT_COLUMNS, DatasetFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trainer_image.conversations import Row

MOST_PROBLEMS = 20
"""Problems named in one message: enough to see the pattern, and the message stays readable."""


class DatasetError(RefusedError):
    """A dataset cannot be used: each problem with its file and line."""

    def __init__(self, problems: list[str]) -> None:
        text = problems[0] if len(problems) == 1 else "\n".join(["Problems:", *problems])
        super().__init__(FailureKind.BAD_DATASET, text, "Correct the dataset and import it again.")
        self.problems = problems


@dataclass(frozen=True)
class NumberedRow:
    """A row, its number from 0, and where it stands for a person: ``file line 37``."""

    number: int
    place: str
    values: Row


def read_rows(path: Path) -> Iterator[NumberedRow]:
    """Each row of a JSONL file; RowError, naming the line, at one that is no JSON object."""
    number = 0
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            if line.strip():
                yield numbered(number, f"{path.name} line {line_number}", line)
                number += 1


class RowFile(Sequence[NumberedRow]):
    """The rows of a JSONL file, each read when it is asked for: a million take 16 MB.

    RowError, naming the line, at one that is no JSON object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begins, self._lines = array("q"), array("q")
        begin = 0
        with path.open("rb") as file:
            for line_number, line in enumerate(file, start=1):
                if line.strip():
                    self._begins.append(begin)
                    self._lines.append(line_number)
                begin += len(line)

    def __len__(self) -> int:
        return len(self._begins)

    def __iter__(self) -> Iterator[NumberedRow]:
        return read_rows(self._path)

    @overload
    def __getitem__(self, number: int) -> NumberedRow: ...

    @overload
    def __getitem__(self, number: slice) -> list[NumberedRow]: ...

    def __getitem__(self, number: int | slice) -> NumberedRow | list[NumberedRow]:
        """One row, or several."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        with self._path.open("rb") as file:
            file.seek(self._begins[number])
            line = file.readline()
        return numbered(number, f"{self._path.name} line {self._lines[number]}", line)


class RowValues(Sequence["Row"]):
    """What rows hold, without their places."""

    def __init__(self, rows: Sequence[NumberedRow]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return (row.values for row in self._rows)

    @overload
    def __getitem__(self, number: int) -> Row: ...

    @overload
    def __getitem__(self, number: slice) -> list[Row]: ...

    def __getitem__(self, number: int | slice) -> Row | list[Row]:
        """Those of one row, or of several."""
        if isinstance(number, slice):
            return [row.values for row in self._rows[number]]
        return self._rows[number].values


def numbered(number: int, place: str, line: bytes) -> NumberedRow:
    """A row from its line; RowError names its place."""
    try:
        return NumberedRow(number, place, parse(line))
    except RowError as error:
        raise RowError(f"{place}: {error}") from error


def parse(line: bytes) -> Row:
    """A row from its line; RowError says why it is none."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RowError("not UTF-8 text.") from error
    except (ValueError, RecursionError) as error:
        raise RowError(f"not valid JSON ({error}).") from error
    if not isinstance(row, dict):
        raise RowError("not a JSON object.")
    return row


def check_file(path: Path, format_: DatasetFormat) -> list[str]:
    """The first problems of a dataset file; an unreadable line ends the search."""
    problems: list[str] = []
    count = 0
    try:
        for row in read_rows(path):
            count += 1
            problems += row_problems(row, format_)
            if len(problems) >= MOST_PROBLEMS:
                break
    except RowError as error:
        problems.append(str(error))
    if not problems and not count:
        problems.append(f"{path.name} has no rows.")
    return problems


def row_problems(row: NumberedRow, format_: DatasetFormat) -> list[str]:
    """Why a row cannot be used, or nothing."""
    try:
        conversation(row.values, format_)
        if format_ is DatasetFormat.PREFERENCE:
            pair(row.values)
    except RowError as error:
        return [f"{row.place}: {error}"]
    return []


def detect_format(row: Mapping[str, object]) -> DatasetFormat:
    """The format of a Hub dataset, by its columns; a ``label`` counts where it says good or bad."""
    present = set(row)
    for format_, needed in FORMAT_COLUMNS.items():
        labelled = format_ is not DatasetFormat.UNPAIRED_PREFERENCE or says_good_or_bad(row)
        if labelled and present.issuperset(needed):
            return format_
    raise DatasetError([f"No format that we know has the columns {', '.join(sorted(present))}."])


def held_out_rows(rows: Sequence[Row], spec: DatasetSpec, seed: int) -> set[int]:
    """Numbers of the rows kept for evaluation: a named split, else a share drawn by ``seed``."""
    if spec.eval_split:
        chosen = {n for n, row in enumerate(rows) if row.get("split") == spec.eval_split}
        if not chosen:
            raise DatasetError([f"No row has the split {spec.eval_split!r}."])
    else:
        chosen = drawn(len(rows), spec.eval_percent, seed)
    if len(chosen) == len(rows):
        raise DatasetError(["Every row is held out, so there is nothing to train on."])
    return chosen


def drawn(count: int, percent: float, seed: int) -> set[int]:
    """At least one row of two or more; by hash, so that any program draws the same ones."""
    wanted = 0 if percent == 0 or count < 2 else max(1, round(count * percent / 100))
    order = sorted(range(count), key=lambda n: hashlib.sha256(f"{seed}:{n}".encode()).digest())
    return set(order[:wanted])


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
