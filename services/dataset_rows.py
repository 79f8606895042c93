"""Reading rows out of a user's file: JSONL, JSON or CSV, each row with the line it came from."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUPPORTED_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_DELIMITERS = ",;\t|"
_MAX_FIELD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row, or what is wrong with it; ``line`` counts from 1 in the user's file."""

    line: int
    values: dict[str, Any] | None
    problem: str = ""


def read_rows(path: Path) -> Iterator[SourceRow]:
    """Yield the file's rows in order; a bad row is yielded as its problem, and reading goes on.

    Raises AppError when the file as a whole cannot be read: missing, empty, not UTF-8, wrong kind.
    """
    _check_readable(path)
    reader = {".json": _json_rows, ".csv": _csv_rows, ".tsv": _csv_rows}.get(
        path.suffix.lower(), _jsonl_rows
    )
    try:
        # utf-8-sig drops the byte order mark that Windows programs put in front.
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from reader(path, file)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise AppError("not_found", f"There is no file {path}.", "Check the name and the folder.")
    if path.is_dir():
        raise AppError("bad_dataset", f"{path} is a folder.", "Choose a file in it.")
    if path.suffix.lower() not in SUPPORTED_SUFFIXES:
        raise AppError(
            "bad_dataset",
            f"{path.name} is of a kind that cannot be imported.",
            f"Use one of {', '.join(SUPPORTED_SUFFIXES)}.",
        )
    if path.stat().st_size == 0:
        raise AppError("bad_dataset", f"{path} is empty.", "Choose a file with rows in it.")


def _jsonl_rows(_path: Path, file: IO[str]) -> Iterator[SourceRow]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            yield SourceRow(number, None, f"is not valid JSON: {error.msg} at column {error.colno}")
            continue
        yield _as_row(number, value)


def _json_rows(path: Path, file: IO[str]) -> Iterator[SourceRow]:
    try:
        value = json.load(file)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSONL under a .json name
            file.seek(0)
            yield from _jsonl_rows(path, file)
            return
        raise AppError(
            "bad_dataset",
            f"{path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}.",
            "Correct that place and import the file again.",
        ) from error
    rows = value if isinstance(value, list) else [value]
    for number, row in enumerate(rows, start=1):
        yield _as_row(number, row)


def _csv_rows(path: Path, file: IO[str]) -> Iterator[SourceRow]:
    csv.field_size_limit(_MAX_FIELD_BYTES)
    reader = csv.reader(file, delimiter=_delimiter(path, file.readline()), strict=True)
    file.seek(0)
    header: list[str] | None = None
    try:
        for cells in reader:
            if header is None:
                header = [name.strip() for name in cells]
            elif cells:
                yield _as_csv_row(reader.line_num, header, cells)
    except csv.Error as error:
        yield SourceRow(reader.line_num, None, f"cannot be read as CSV: {error}")


def _delimiter(path: Path, first_line: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(_DELIMITERS, key=first_line.count)


def _as_csv_row(line: int, header: list[str], cells: list[str]) -> SourceRow:
    if len(cells) != len(header):
        return SourceRow(line, None, f"has {len(cells)} cells, the header has {len(header)}")
    return SourceRow(line, dict(zip(header, cells, strict=True)))


def _as_row(number: int, value: object) -> SourceRow:
    if isinstance(value, dict):
        return SourceRow(number, value)
    return SourceRow(number, None, f"is a {type(value).__name__}, not an object with columns")


def _not_utf8(path: Path, error: UnicodeDecodeError) -> AppError:
    line = _line_of_first_bad_byte(path)
    return AppError(
        "bad_dataset",
        f"{path} is not UTF-8 text: line {line} holds bytes that are no characters.",
        "Save the file as UTF-8 and import it again.",
        str(error),
    )


def _line_of_first_bad_byte(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1
