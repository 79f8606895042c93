"""A run's metrics as a file for other programs."""

from __future__ import annotations

import csv
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO
from uuid import uuid4

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.domain.run import RunEvent

_FIRST = ("seq", "time", "type")


def write_metrics(events: Sequence[RunEvent], path: Path) -> None:
    """Write every event to ``path``, as its suffix says: all of it, or nothing.

    AppError("bad_use") for another suffix, AppError("io") where it cannot be written.
    """
    write = writer_for(path.suffix)
    try:
        with _replacing(path) as file:
            write(events, file)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}."
        raise AppError("io", message, "Choose another place.") from error


def writer_for(suffix: str) -> Callable[[Sequence[RunEvent], TextIO], None]:
    """What writes this kind of file (``.csv``, ``.jsonl``); AppError("bad_use") for another."""
    try:
        return {".csv": write_csv, ".jsonl": write_jsonl}[suffix.lower()]
    except KeyError:
        message = f'Metrics cannot be written as "{suffix}".'
        raise AppError("bad_use", message, "Use a name that ends with .csv or .jsonl.") from None


def write_csv(events: Sequence[RunEvent], file: TextIO) -> None:
    """A table with a column for every field that occurs, empty where an event has none."""
    names = dict.fromkeys(name for event in events for name in event.fields)
    table = csv.writer(file, lineterminator="\n")
    table.writerow((*_FIRST, *names))
    for event in events:
        cells = (_cell(event.fields.get(name)) for name in names)
        table.writerow((event.seq, event.time, event.type, *cells))


def write_jsonl(events: Sequence[RunEvent], file: TextIO) -> None:
    """One JSON object a line, as the trainer wrote them."""
    for event in events:
        line = {"seq": event.seq, "time": event.time, "type": event.type, **event.fields}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, (dict, list, bool)) else value


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
