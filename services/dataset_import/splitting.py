"""Which rows are held out: by a hash of what they say, so that equal ones stay together."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from models.domain.dataset import HELD_OUT_SPLIT, TRAIN_SPLIT
from models.domain.errors import AppError
from services.dataset_import.rework_rows import parsed, with_column, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.dataset_import.rework_rows import RowFile

_NOT_SAID = ("split", "dataset")
"""Columns that say where a row belongs, not what it teaches."""
_BUCKETS_BITS = 16
_KEY_BITS = 64


def held_out_keys(
    source: RowFile, wanted: int, seed: int, tick: Callable[[int, int], None]
) -> Iterator[bool]:
    """For each row whether it is held out; as near to the wanted number as equal rows allow.

    AppError("bad_use") where all rows say the same.
    """
    secret, keys = str(seed).encode()[:64], array("Q")
    for number, line in enumerate(source.lines()):
        keys.append(_key(line, secret))
        tick((number + 1) // 2, number + 1)
    limit = _limit(keys, wanted)
    return (key <= limit for key in keys)


def with_split(
    line: bytes, row: dict[str, Any], *, is_held_out: bool
) -> tuple[bytes, dict[str, Any]]:
    """The row with the column by which a training finds what is held out."""
    return with_column(line, row, "split", HELD_OUT_SPLIT if is_held_out else TRAIN_SPLIT), row


def _key(line: bytes, secret: bytes) -> int:
    row = parsed(line)
    for column in _NOT_SAID:
        row.pop(column, None)
    try:
        said = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # what only the slow writer can write
        said = written(dict(sorted(row.items())))
    return int.from_bytes(blake2b(said, digest_size=_KEY_BITS // 8, key=secret).digest(), "big")


def _limit(keys: array[int], wanted: int) -> int:
    """The largest key that is held out."""
    before, inside = _around(keys, wanted)
    limit = inside[wanted - before - 1]
    counts = {
        limit: before + bisect_right(inside, limit),
        limit - 1: before + bisect_left(inside, limit),
    }
    possible = [one for one, count in counts.items() if 0 < count < len(keys)]
    if not possible:
        raise AppError(
            "bad_use",
            "The rows say all the same, so none can be held out.",
            "Hold out rows of another dataset.",
        )
    return min(possible, key=lambda one: abs(counts[one] - wanted))


def _around(keys: array[int], wanted: int) -> tuple[int, list[int]]:
    """The keys near the wanted place, sorted, and how many are smaller: sorting all of them would
    take five times their memory."""
    shift, counts = _KEY_BITS - _BUCKETS_BITS, [0] * (1 << _BUCKETS_BITS)
    for key in keys:
        counts[key >> shift] += 1
    before = 0
    for bucket, count in enumerate(counts):
        if before + count >= wanted:
            return before, sorted(key for key in keys if key >> shift == bucket)
        before += count
    raise ValueError(wanted)
