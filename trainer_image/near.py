"""Rows that are the same, or nearly: exact by hash, near by MinHash and then looked at closely.

Every row keeps 64 bytes, whatever its length, so a million takes 64 MB. What MinHash proposes is
read again and compared by its real share of common pieces, so nothing is called near that is not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy

_PIECE = 8
"""Bytes of a piece: long enough to be rare, short enough that a changed word changes few."""
_BANDS, _ROWS = 6, 4
"""Of rows that have 0.8 of their pieces in common 96 in 100 are proposed, of 0.9 all but a few in
100,000 (1 - (1 - s**4)**6)."""
_ALIKE = 0.8
"""Common pieces, as a share of all pieces, from which rows are near duplicates."""
_AT_ONCE = 4096
_PRIME = 1_099_511_628_211  # FNV's
_MOST_LOOKS = 300_000
"""Pairs looked at closely; a set with more is one pattern with a few words changed."""


@dataclass
class Alike:
    """For every row the first row that it repeats, or itself: exactly, and nearly."""

    same: Any
    near: Any

    def repeats(self) -> list[int]:
        """Rows that say exactly what an earlier one says."""
        return _changed(self.same)

    def near_repeats(self) -> list[int]:
        """Rows that nearly repeat an earlier one, but for those that do it exactly."""
        exact = set(self.repeats())
        return [row for row in _changed(self.near) if row not in exact]


def _changed(first: numpy.ndarray[Any, Any]) -> list[int]:
    import numpy as np

    return [int(row) for row in np.flatnonzero(first != np.arange(len(first)))]


@dataclass
class Sketches:
    """What is kept of each row: a hash of its text and one for each band of its MinHash."""

    _hashes: list[bytes] = field(default_factory=list)
    _count: int = 0
    _block: Any = None

    def add(self, text: str) -> None:
        """Take the next row into account; an empty text is like no other."""
        self.take(sketch(text))

    def take(self, found: bytes) -> None:
        """Take the :func:`sketch` of the next row into account."""
        import numpy as np

        if self._block is None or self._count % _AT_ONCE == 0:
            self._flush()
            self._block = np.zeros((_AT_ONCE, _BANDS + 1), np.uint64)
        place = self._block[self._count % _AT_ONCE]
        self._count += 1
        # Without a sketch a number of its own: no hash is that small.
        place[:] = np.frombuffer(found, np.uint64) if found else self._count

    def _flush(self) -> None:
        if self._block is not None:
            self._hashes.append(self._block.tobytes())

    def alike(
        self, text_of: Callable[[int], str], cancelled: Callable[[], bool] = lambda: False
    ) -> Alike:
        """Which rows repeat which; ``text_of`` gives the text of a row again."""
        import numpy as np

        self._flush()
        self._block = None
        table = np.frombuffer(b"".join(self._hashes), np.uint64).reshape(-1, _BANDS + 1)
        table = table[: self._count]
        self._hashes = []
        same = np.arange(self._count)
        for first, others in _groups(table[:, 0]):
            same[others] = first
        near = same.copy()
        looks = 0
        for band in range(1, _BANDS + 1):
            for first, others in _groups(table[:, band]):
                waiting = [int(row) for row in others if near[row] == row]
                if not waiting or cancelled():
                    continue
                looks += len(waiting)
                if looks > _MOST_LOOKS:
                    return Alike(same, near)
                _join(near, int(first), waiting, text_of)
        return Alike(same, near)


def sketch(text: str) -> bytes:
    """What is kept of a row's text; nothing of an empty one, which is like no other."""
    import numpy as np

    if not text:
        return b""
    whole = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return np.array([whole], np.uint64).tobytes() + _bands(pieces(text)).tobytes()


def _join(
    near: numpy.ndarray[Any, Any], first: int, others: list[int], text_of: Callable[[int], str]
) -> None:
    """Give those of the others that are near the first its first."""
    import numpy as np

    known = np.unique(pieces(text_of(first)))
    for row in others:
        mine = np.unique(pieces(text_of(row)))
        common = len(np.intersect1d(known, mine, assume_unique=True))
        if common >= _ALIKE * (len(known) + len(mine) - common):
            near[row] = near[first]


def pieces(text: str) -> numpy.ndarray[Any, Any]:
    """A hash of every piece of a text, letters of either case and any white space alike."""
    import numpy as np

    data = np.frombuffer(" ".join(text.lower().split()).encode("utf-8", "replace"), np.uint8)
    if len(data) < _PIECE:
        data = np.pad(data, (0, _PIECE - len(data)))
    count = len(data) - _PIECE + 1
    hashes = np.zeros(count, np.uint64)
    for place in range(_PIECE):
        hashes *= np.uint64(_PRIME)
        hashes += data[place : place + count]
    hashes ^= hashes >> np.uint64(29)
    return hashes


def _bands(hashes: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """The least of the pieces under 24 orders drawn once for all, four to a band."""
    import numpy as np

    factors, summands = _orders()
    least = np.full(_BANDS * _ROWS, np.iinfo(np.uint64).max, np.uint64)
    for begin in range(0, len(hashes), _AT_ONCE):
        some = hashes[begin : begin + _AT_ONCE]
        drawn = factors[:, None] * some[None, :] + summands[:, None]
        np.minimum(least, drawn.min(axis=1), out=least)
    least >>= np.uint64(1)
    rows = least.reshape(_BANDS, _ROWS)
    band = rows[:, 0].copy()
    for row in range(1, _ROWS):
        band *= np.uint64(_PRIME)
        band ^= rows[:, row]
    return band


_drawn: list[Any] = []


def _orders() -> Any:
    import numpy as np

    if not _drawn:
        source = np.random.default_rng(20_251)
        factors, summands = source.integers(1, 2**63, (2, _BANDS * _ROWS), dtype=np.uint64)
        _drawn.extend((factors | np.uint64(1), summands))
    return _drawn


def _groups(values: numpy.ndarray[Any, Any]) -> Iterator[tuple[int, Any]]:
    """For each value that several rows have: the first row, and the others in order."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    ordered = values[order]
    edges = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
    for number in np.flatnonzero(np.diff(edges) > 1):
        begin, end = edges[number], edges[number + 1]
        yield int(order[begin]), order[begin + 1 : end]
