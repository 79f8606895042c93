"""A file of tokenised texts: written as they come, closed by a table and a checksum, then mapped.

Behind the tokens (32-bit numbers) stand the table's columns (64-bit), then what is said of the
whole as JSON, the length of that, and the mark of the format; all numbers little endian.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from typing import TYPE_CHECKING, Any

from trainer_image.texts import EncodedRows, Texts

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.pieces import Tokenised

_MARK = b"TEMPTOK1"
_COLUMNS = 4
_AT_ONCE = 1 << 22


class TokenWriter:
    """Takes the pieces of a dataset in order.

    Without a path, and from the moment on at which the disk takes no more, they are kept in memory:
    what is kept for the next time must never end a run.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._temporary: Any = path and path.with_name(f"{path.name}.{os.getpid()}.tmp")
        self._file: Any = None
        self._sum = self._tokens = 0
        self._values: list[Any] = []
        self._tables: list[Any] = []
        self._dropped: list[str] = []
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._temporary.open("w+b", buffering=0)

    @property
    def is_on_disk(self) -> bool:
        """Whether the disk took all of it so far."""
        return self._file is not None

    def add(self, piece: Tokenised) -> None:
        """Take the next piece."""
        import numpy as np

        values = np.asarray(piece.values, "<i4")
        self._tables.append(np.array(piece.table, "<i8").reshape(-1, _COLUMNS))
        self._dropped += piece.dropped
        if not self._write(values.tobytes()):
            self._values.append(values)
        self._tokens += len(values)

    def finish(self) -> EncodedRows:
        """All that was taken; the file is in its place, if there is one."""
        import numpy as np

        table = np.concatenate(self._tables or [np.empty((0, _COLUMNS), "<i8")])
        columns = np.ascontiguousarray(table.T)
        facts = {"tokens": self._tokens, "texts": len(table), "dropped": self._dropped}
        if self._path is not None and self._write(columns.tobytes()) and self._close(facts):
            kept = opened(self._path)
            if kept is None:
                raise OSError(f"{self._path} was changed while it was written.")
            return kept
        return EncodedRows(_texts(self._in_memory(), columns), self._dropped)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _write(self, data: bytes) -> bool:
        """Whether the file has it."""
        if self._file is None:
            return False
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._into_memory()
            return False
        self._sum = zlib.crc32(data, self._sum)
        return True

    def _close(self, facts: dict[str, Any]) -> bool:
        """Put the file in its place; whether it is there."""
        text = json.dumps({**facts, "crc32": self._sum}).encode()
        if not self._write(text + len(text).to_bytes(8, "little") + _MARK):
            return False
        self._file.close()
        try:
            self._temporary.replace(self._path)
        except OSError:
            self._file = self._temporary.open("rb")
            self._into_memory()
            return False
        self._file = None
        return True

    def _into_memory(self) -> None:
        """The disk takes no more: what it has is read back, and gives up its room."""
        import numpy as np

        self._file.seek(0)
        self._values = [np.frombuffer(self._file.read(4 * self._tokens), "<i4")]
        self.discard()

    def _in_memory(self) -> Any:
        import numpy as np

        return np.concatenate([*self._values, np.empty(0, "<i4")])


def opened(path: Path) -> EncodedRows | None:
    """The texts of a file, mapped; None where it is not there, not whole or damaged."""
    import numpy as np

    try:
        facts = read_facts(path)
        if facts is None:
            return None
        tokens, texts = facts["tokens"], facts["texts"]
        data = np.memmap(path, np.uint8, "r")
        size = 4 * tokens + 8 * _COLUMNS * texts
        if _checksum(data[:size]) != facts["crc32"]:
            return None
        values = data[: 4 * tokens].view("<i4")
        columns = data[4 * tokens : size].copy().view("<i8").reshape(_COLUMNS, texts)
        return EncodedRows(_texts(values, columns), facts["dropped"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_facts(path: Path) -> dict[str, Any] | None:
    """What the end of a file says of the whole; needs no NumPy. OSError, ValueError where it is
    none."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END) - 16
        if end < 0:
            return None
        file.seek(end)
        length, mark = int.from_bytes(file.read(8), "little"), file.read(8)
        if mark != _MARK or length > end:
            return None
        file.seek(end - length)
        facts: dict[str, Any] = json.loads(file.read(length))
        whole = 4 * facts["tokens"] + 8 * _COLUMNS * facts["texts"] + length == end
        return facts if whole else None


def _checksum(data: Any) -> int:
    found = 0
    for begin in range(0, len(data), _AT_ONCE):
        found = zlib.crc32(data[begin : begin + _AT_ONCE], found)
    return found


def _texts(values: Any, columns: Any) -> Texts:
    import numpy as np

    rows, sizes, lengths, trained = columns
    ends = np.cumsum(sizes)
    return Texts(values, ends - sizes, ends, lengths, rows, trained)
