"""Streams out of packed files, guarded against those that unpack without end."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

from services.dataset_import.kinds import HEAD_BYTES, Kind, is_utf16, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.dataset_import.batches import Intake

MOST_RATIO = 250
"""Deflate reaches 1032 with zeros; tables of much repetition reach 60."""
FREE_BYTES = 64 << 20
"""Below this much a ratio says nothing."""
MOST_UNPACKED = 256 << 30
_MARK = b"\xef\xbb\xbf"
_NO_CHARACTER = "temper.no_character"
codecs.register_error(_NO_CHARACTER, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OverflowError,
    RuntimeError, struct.error,
)  # fmt: skip
"""What the standard library raises at packed files that are damaged, or packed in unknown ways."""


class BombError(Exception):
    """A packed file unpacks to far more than data does."""


class CountedFile(io.RawIOBase):
    """A file of the user's that tells the intake how much of it was read."""

    def __init__(self, path: Path, intake: Intake) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._intake = intake

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if whence == 0 and offset < 0:
            raise EOFError("it points before its beginning")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer) or 0
        self._intake.consumed += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class GuardedStream(io.RawIOBase):
    """Unpacked bytes; BombError when there are too many for what they came from."""

    def __init__(self, stream: IO[bytes], packed: Callable[[], int]) -> None:
        super().__init__()
        self._stream = stream
        self._packed = packed
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except OSError as error:
            if error.errno is not None:  # of the disk; gzip and bz2 say so of bad data too
                raise
            raise EOFError(str(error)) from error
        buffer[: len(data)] = data
        self._count += len(data)
        is_large = self._count > FREE_BYTES
        if is_large and self._count > MOST_RATIO * max(1, self._packed()):
            raise BombError
        if self._count > MOST_UNPACKED:
            raise BombError
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Recoded(io.RawIOBase):
    """UTF-16 as UTF-8; what is no UTF-16 becomes a byte that is no UTF-8, which readers tell."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-16")(_NO_CHARACTER)
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not self._ready:
            chunk = self._stream.read(HEAD_BYTES)
            text = self._decoder.decode(chunk, final=not chunk)
            self._ready = text.encode("utf-8", "surrogateescape")
            if not chunk:
                break
        data, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def opened(path: Path, intake: Intake) -> IO[bytes]:
    """A file's bytes; those of a packed one unpacked, whatever its name says."""
    counted = CountedFile(path, intake)
    stream = io.BufferedReader(counted, HEAD_BYTES)
    head = stream.peek(HEAD_BYTES)
    if kind_of(head, path.name) is not Kind.PACKED:
        return stream
    before = intake.consumed - len(head)
    guarded = GuardedStream(_unpacker(head, stream), lambda: intake.consumed - before)
    return io.BufferedReader(guarded, HEAD_BYTES)


def without_mark(stream: IO[bytes]) -> IO[bytes]:
    """UTF-8 without a byte order mark; UTF-16 as UTF-8."""
    buffered = stream if isinstance(stream, io.BufferedReader) else _buffered(stream)
    if is_utf16(buffered.peek(4)):
        return io.BufferedReader(_Recoded(buffered), HEAD_BYTES)
    while buffered.peek(len(_MARK)).startswith(_MARK):  # some programs write it twice
        buffered.read(len(_MARK))
    return buffered


def inner_name(name: str) -> str:
    """The name of what is packed: ``rows.csv`` for ``rows.csv.gz``."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.lower() in {"gz", "gzip", "bz2", "xz"} else name


def _buffered(stream: IO[bytes]) -> io.BufferedReader:
    return io.BufferedReader(stream, HEAD_BYTES)  # type: ignore[arg-type]


def _unpacker(head: bytes, stream: IO[bytes]) -> IO[bytes]:
    if head.startswith(b"BZh"):
        return bz2.BZ2File(stream)
    if head.startswith(b"\xfd"):
        return lzma.LZMAFile(stream)
    return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]
