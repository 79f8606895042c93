"""Curves as TensorBoard reads them, written without TensorBoard or its protocol buffers.

A file is a row of records (``tensorflow/core/lib/io/record_writer.h``): length, its checksum, an
``Event`` message (``tensorflow/core/util/event.proto``), its checksum. Of the message only numbers
are written. The test reads a file with the bytes of TensorBoard's own writer.
"""

from __future__ import annotations

import struct
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
"""Wire types of protocol buffers."""
_WALL_TIME, _STEP, _VERSION, _SUMMARY, _SESSION = 1, 2, 3, 5, 7
"""Fields of ``Event``."""
_START = 1
"""``SessionLog.START``: points of the same or a later step are another boot's, and void."""


class EventFile:
    """The scalars of one boot of a run, in a new file of ``folder``."""

    def __init__(self, folder: Path, first_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = _new_file(folder)
        self._put(_field(_VERSION, _BYTES, b"brain.Event:2"))
        if first_step:
            self._put(_step(first_step + 1) + _field(_SESSION, _BYTES, _field(1, _VARINT, _START)))

    def write(self, step: int, values: dict[str, float]) -> None:
        """The values after ``step``, under names like ``train/loss``; on the disk at once."""
        entries = b"".join(
            _field(1, _BYTES, _field(1, _BYTES, name.encode()) + _field(2, _FLOAT, value))
            for name, value in values.items()
        )
        self._put(_step(step) + _field(_SUMMARY, _BYTES, entries))

    def close(self) -> None:
        """No more values come."""
        self._file.close()

    def _put(self, event: bytes) -> None:
        self._file.write(record(_field(_WALL_TIME, _DOUBLE, time.time()) + event))
        self._file.flush()


def _new_file(folder: Path) -> IO[bytes]:
    """TensorBoard reads files in the order of their names, so a later boot's comes later."""
    number = int(time.time())
    while True:
        try:
            return (folder / f"events.out.tfevents.{number:010d}.temper").open("xb")
        except FileExistsError:
            number += 1


def _step(step: int) -> bytes:
    return _field(_STEP, _VARINT, step)


def _field(number: int, kind: int, value: int | float | bytes) -> bytes:
    """One field of a message."""
    key = bytes([number << 3 | kind])
    if isinstance(value, bytes):
        return key + _varint(len(value)) + value
    if kind == _VARINT:
        return key + _varint(int(value))
    return key + struct.pack("<d" if kind == _DOUBLE else "<f", value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def record(data: bytes) -> bytes:
    """Data as a record, with the checksums that readers compare."""
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """CRC-32C, turned and shifted as TensorFlow does, for data may hold checksums itself."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _table() -> list[int]:
    """Castagnoli's polynomial, reflected (RFC 3720, appendix B.4)."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()
