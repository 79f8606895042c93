"""PyTorch's CUDA caching allocator with its default settings, as arithmetic.

After ``c10/cuda/CUDACachingAllocator.cpp``: requests are rounded up, small and large ones have
pools of their own, a free block that is large enough is split, neighbours that are free are merged,
and what was once taken from the device stays. Not modelled: giving back unused segments when the
device is full.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

_MIB = 2**20
_SMALL = _MIB
_ROUND = 512


@dataclass
class _Block:
    segment: int
    offset: int
    size: int
    is_small: bool
    is_free: bool = True
    before: _Block | None = None
    after: _Block | None = None

    @property
    def place(self) -> tuple[int, int, int]:
        return (self.size, self.segment, self.offset)


class CachingAllocator:
    """``allocated`` and ``reserved`` bytes, and the highest of each."""

    def __init__(self) -> None:
        self.allocated = self.peak_allocated = 0
        self.reserved = self.peak_reserved = 0
        self._segments = 0
        self._free: dict[bool, list[tuple[int, int, int]]] = {True: [], False: []}
        self._blocks: dict[tuple[int, int], _Block] = {}

    def take(self, size: int) -> _Block:
        """A block of at least ``size`` bytes."""
        size = max(_ROUND, -(-size // _ROUND) * _ROUND)
        is_small = size <= _SMALL
        pool = self._free[is_small]
        index = bisect_left(pool, (size, -1, -1))
        if index < len(pool):
            _, segment, offset = pool.pop(index)
            block = self._blocks[segment, offset]
        else:
            block = self._new_segment(size, is_small=is_small)
        self._split(block, size)
        block.is_free = False
        self.allocated += block.size
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        return block

    def give(self, block: _Block) -> None:
        """Free a block for later requests."""
        self.allocated -= block.size
        block.is_free = True
        if block.after is not None and block.after.is_free:
            self._forget_free(block.after)
            self._merge(block, block.after)
        if block.before is not None and block.before.is_free:
            self._forget_free(block.before)
            block = self._merge(block.before, block)
        insort(self._free[block.is_small], block.place)

    def _new_segment(self, size: int, *, is_small: bool) -> _Block:
        if is_small:
            whole = 2 * _MIB
        else:
            whole = 20 * _MIB if size < 10 * _MIB else -(-size // (2 * _MIB)) * 2 * _MIB
        block = _Block(self._segments, 0, whole, is_small)
        self._segments += 1
        self._blocks[block.segment, 0] = block
        self.reserved += whole
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        return block

    def _split(self, block: _Block, size: int) -> None:
        rest = block.size - size
        if not (rest >= _ROUND if block.is_small else rest > _SMALL):
            return
        other = _Block(block.segment, block.offset + size, rest, block.is_small)
        other.before, other.after = block, block.after
        if block.after is not None:
            block.after.before = other
        block.after, block.size = other, size
        self._blocks[other.segment, other.offset] = other
        insort(self._free[other.is_small], other.place)

    def _merge(self, first: _Block, second: _Block) -> _Block:
        del self._blocks[second.segment, second.offset]
        first.size += second.size
        first.after = second.after
        if second.after is not None:
            second.after.before = first
        return first

    def _forget_free(self, block: _Block) -> None:
        pool = self._free[block.is_small]
        pool.pop(bisect_left(pool, block.place))
