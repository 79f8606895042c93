"""Rows on their way into the library: a file, its index of offsets, its hash."""

from __future__ import annotations

import hashlib
import os
import queue
import sys
import threading
from array import array
from contextlib import suppress
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AHEAD = 4
"""Blocks that may wait to be written: enough that neither side waits, little to hold."""
_BEGIN_BYTES = 32 << 20
"""After so many the system is told to bring them to the disk, or the end would wait for all."""


class RowWriter:
    """Appends lines to ``data`` and where each begins to ``index``. Close it, then the hash is
    known; :meth:`discard` takes both files away.

    A thread of its own hashes and writes, which takes as long as a third of all reading; Python
    lets both go on at once. An OSError of the disk is raised by a later call.
    """

    def __init__(self, data: Path, index: Path) -> None:
        self.rows = 0
        self.size = 0
        self._paths = (data, index)
        self._data = data.open("wb", buffering=0)
        self._index = index.open("wb", buffering=1 << 16)
        self._begun = self._written = 0
        self._digest = hashlib.sha256()
        self._waiting: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue(_AHEAD)
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="row-writer", daemon=True)
        self._thread.start()

    @property
    def sha256(self) -> str:
        """The hash of what was written, once it is closed."""
        return self._digest.hexdigest()

    def write(self, lines: list[bytes], block: bytes = b"") -> None:
        """Append rows, each the bytes of a JSON object without a line break; ``block`` is all of
        them with their ends, where somebody has it already."""
        self._raise_error()
        if not lines:
            return
        block = block or b"\n".join([*lines, b""])
        lengths = list(map(len, lines))
        starts = accumulate(lengths[:-1], initial=self.size)
        offsets = array("Q", map(add, starts, range(len(lines))))
        if sys.byteorder == "big":
            offsets.byteswap()
        self._waiting.put((block, offsets.tobytes()))
        self.rows += len(lines)
        self.size += len(block)

    def close(self) -> None:
        """Bring everything to the disk."""
        self._end()
        self._raise_error()
        for file in (self._data, self._index):
            file.flush()
            os.fsync(file.fileno())
            file.close()

    def discard(self) -> None:
        """Close and remove both files; a full disk cannot prevent it."""
        self._end()
        for file in (self._data, self._index):
            with suppress(OSError):  # what was still to be written does not fit; nobody wants it
                file.close()
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _end(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._error is not None:  # nothing more can be written, but nobody may wait for us
                continue
            try:
                self._append(*item)
            except OSError as error:
                self._error = error

    def _append(self, block: bytes, offsets: bytes) -> None:
        self._digest.update(block)
        rest = memoryview(block)
        while rest:
            rest = rest[self._data.write(rest) :]
        self._index.write(offsets)
        self._written += len(block)
        if self._written - self._begun >= _BEGIN_BYTES:
            self._begin()

    def _begin(self) -> None:
        """Linux begins to write what nobody needs in memory, and does not wait for it."""
        if sys.platform == "linux":
            begun, self._begun = self._begun, self._written
            os.posix_fadvise(
                self._data.fileno(), begun, self._written - begun, os.POSIX_FADV_DONTNEED
            )
