"""JSON Lines become a Parquet file: ``python -m trainer_image.write_parquet <rows.jsonl >file``.

What Parquet has no type for, such as a column of texts in some rows and numbers in others, is kept
as JSON in a text. Standard error says how far it is, ``{"fraction", "written"}``, and ends with
``{"kind", "message", "hint"}`` on exit code 1.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import pyarrow
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    Rows = list[dict[str, Any]]

_ROWS = 2000
_BYTES = 8 << 20
"""Rows that are held at once: so many, or so many bytes, since a row may be a book."""
_TEXT = pyarrow.string()
_TROUBLES = (pyarrow.ArrowException, UnicodeEncodeError, OverflowError)


def main() -> int:
    """Write the rows of standard input to standard output; 1 where it cannot be done."""
    try:
        with _seekable(sys.stdin.buffer) as source:
            types = column_types(source)
            _write(source, types, _Counted(sys.stdout.buffer))
    except OSError as error:
        kind, hint = "io", "Check the disk."
        if error.errno == 28:
            kind, hint = "disk_full", "Free some space, or choose another folder."
        message = f"The file could not be written: {error.strerror or error}."
        _say({"kind": kind, "message": message, "hint": hint})
        return 1
    return 0


def column_types(source: IO[bytes]) -> dict[str, pyarrow.DataType]:
    """The one type that all values of each column have, over all rows."""
    types: dict[str, pyarrow.DataType] = {}
    for rows, done in _batches(source):
        for name in dict.fromkeys(name for row in rows for name in row):
            found = _type_of([row.get(name) for row in rows])
            types[name] = _common(types[name], found) if name in types else found
        _say({"fraction": done / 2, "written": 0})
    return types


def _write(source: IO[bytes], types: dict[str, pyarrow.DataType], sink: _Counted) -> None:
    schema, written = pyarrow.schema(types.items()), 0
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows, done in _batches(source):
            columns = [
                _column([row.get(name) for row in rows], kind) for name, kind in types.items()
            ]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
            written += len(rows)
            _say({"fraction": 0.5 + done / 2, "written": written})
    sink.flush()


def _type_of(values: list[Any]) -> pyarrow.DataType:
    try:
        kind = pyarrow.array(values).type
    except _TROUBLES:
        return _TEXT
    return kind if _is_storable(kind) else _TEXT


def _common(one: pyarrow.DataType, other: pyarrow.DataType) -> pyarrow.DataType:
    if one.equals(other):
        return one
    fields = [pyarrow.schema([("x", kind)]) for kind in (one, other)]
    try:
        return pyarrow.unify_schemas(fields, promote_options="permissive").field("x").type
    except _TROUBLES:
        return _TEXT


def _is_storable(kind: pyarrow.DataType) -> bool:
    """Parquet has no records without fields."""
    if pyarrow.types.is_struct(kind):
        fields = [kind.field(number).type for number in range(kind.num_fields)]
        return bool(fields) and all(map(_is_storable, fields))
    return not pyarrow.types.is_list(kind) or _is_storable(kind.value_type)


def _column(values: list[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    if kind.equals(_TEXT):
        values = [value if _is_text(value) else json.dumps(value) for value in values]
    return pyarrow.array(values, kind)


def _is_text(value: Any) -> bool:
    """Whether it is stored as it is; half a character cannot be."""
    if not isinstance(value, str):
        return value is None
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _batches(source: IO[bytes]) -> Iterator[tuple[Rows, float]]:
    """Some rows at a time, from the first, and which share of all is read then."""
    size = max(1, source.seek(0, io.SEEK_END))
    source.seek(0)
    lines, held, done = list[bytes](), 0, 0
    for line in source:
        lines.append(line)
        held += len(line)
        if len(lines) >= _ROWS or held >= _BYTES:
            done += held
            yield [json.loads(one) for one in lines], done / size
            lines, held = [], 0
    if lines:
        yield [json.loads(one) for one in lines], 1.0


@contextmanager
def _seekable(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """A file is read twice as it is; what comes through a pipe is kept meanwhile."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(stream, kept)
        yield kept


class _Counted(io.RawIOBase):
    """An output that knows its place, which a pipe does not, and which the format needs."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self._stream.write(view)
        self._place += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        self._stream.flush()


def _say(document: dict[str, Any]) -> None:
    sys.stderr.write(json.dumps(document) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
