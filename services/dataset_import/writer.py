"""Rows on their way into the library: a file, its index of offsets, its hash."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from array import array
from contextlib import suppress
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OFFSET = struct.Struct("<Q")


class RowWriter:
    """Appends lines to ``data`` and where each begins to ``index``. Close it, then the hash is
    known; :meth:`discard` takes both files away."""

    def __init__(self, data: Path, index: Path) -> None:
        self.rows = 0
        self.size = 0
        self._paths = (data, index)
        self._data = data.open("wb", buffering=1 << 20)
        self._index = index.open("wb", buffering=1 << 16)
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._digest.hexdigest()

    def write(self, lines: list[bytes], block: bytes = b"") -> None:
        """Append rows, each the bytes of a JSON object without a line break; ``block`` is all of
        them with their ends, where somebody has it already."""
        if not lines:
            return
        block = block or b"\n".join([*lines, b""])
        lengths = list(map(len, lines))
        starts = accumulate(lengths[:-1], initial=self.size)
        offsets = array("Q", map(add, starts, range(len(lines))))
        if sys.byteorder == "big":
            offsets.byteswap()
        self._data.write(block)
        self._index.write(offsets.tobytes())
        self._digest.update(block)
        self.rows += len(lines)
        self.size += len(block)

    def close(self) -> None:
        """Bring everything to the disk."""
        for file in (self._data, self._index):
            file.flush()
            os.fsync(file.fileno())
            file.close()

    def discard(self) -> None:
        """Close and remove both files; a full disk cannot prevent it."""
        for file in (self._data, self._index):
            with suppress(OSError):  # what was still to be written does not fit; nobody wants it
                file.close()
        for path in self._paths:
            path.unlink(missing_ok=True)
