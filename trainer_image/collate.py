"""Rows to batches: padded, or packed so that no token is wasted and no row sees another.

A packed sequence carries positions that start at 0 with each row and no attention mask: that is how
transformers tells the rows apart. With a mask of ones or with a cache it would not, and rows would
leak into each other without an error; the tests compare packed and separate losses.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, overload

from trainer_image.data import NOT_TRAINED
from trainer_image.texts import Texts

if TYPE_CHECKING:
    from trainer_image.data import Encoded

Item = dict[str, list[int]]


def padded_items(rows: Sequence[Encoded]) -> Sequence[Item]:
    """One item for each row."""
    return _Items(rows, None)


def packed_items(rows: Sequence[Encoded], limit: int, seed: int) -> Sequence[Item]:
    """Items of at most ``limit`` tokens, each of several whole rows."""
    return _Items(rows, plan_bins(_sizes(rows), limit, seed))


class _Items(Sequence[Item]):
    """Made when they are asked for: a million rows as lists of numbers would not fit anywhere."""

    def __init__(self, rows: Sequence[Encoded], bins: list[list[int]] | None) -> None:
        self._rows, self._bins = rows, bins

    def __len__(self) -> int:
        return len(self._rows) if self._bins is None else len(self._bins)

    @overload
    def __getitem__(self, number: int) -> Item: ...

    @overload
    def __getitem__(self, number: slice) -> list[Item]: ...

    def __getitem__(self, number: int | slice) -> Item | list[Item]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if self._bins is not None:
            return _join([self._rows[one] for one in self._bins[number]])
        row = self._rows[number]
        return {"input_ids": row.input_ids, "labels": row.labels}


def _sizes(rows: Sequence[Encoded]) -> list[int]:
    if isinstance(rows, Texts):
        sizes: list[int] = rows.sizes.tolist()
        return sizes
    return [len(row.input_ids) for row in rows]


def plan_bins(lengths: Sequence[int], limit: int, seed: int) -> list[list[int]]:
    """Best fit: each row, in an order drawn by ``seed``, goes where it leaves least room.

    Not longest first, which fills a little better: rows of like length would share their batches.
    A million rows take three seconds.
    """
    order = list(range(len(lengths)))
    random.Random(seed).shuffle(order)  # noqa: S311 - nothing secret, and it must be repeatable
    bins: list[list[int]] = []
    by_room: list[list[int]] = [[] for _ in range(limit + 1)]  # heaps of bins, by tokens left
    rooms = 0  # bit n is set where a bin has n tokens left
    for number in order:
        size = lengths[number]
        fitting = rooms >> size
        if fitting:
            left = size + (fitting & -fitting).bit_length() - 1
            target = heappop(by_room[left])
            rooms ^= 0 if by_room[left] else 1 << left
        else:
            left, target = limit, len(bins)
            bins.append([])
        bins[target].append(number)
        heappush(by_room[left - size], target)
        rooms |= 1 << (left - size)
    return bins


def _join(rows: list[Encoded]) -> Item:
    item: Item = {"input_ids": [], "labels": [], "position_ids": []}
    for row in rows:
        item["input_ids"] += row.input_ids
        # The token before a row's first is another row's: it must not learn to predict it.
        item["labels"] += [NOT_TRAINED, *row.labels[1:]]
        item["position_ids"] += range(len(row.input_ids))
    return item


@dataclass(frozen=True)
class PaddedCollator:
    """Rows side by side, the short ones filled up and masked."""

    pad_id: int

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        masks = [[1] * len(item["input_ids"]) for item in items]
        return _ids_and_labels(items, self.pad_id) | {"attention_mask": _tensor(masks, 0)}


@dataclass(frozen=True)
class PackedCollator:
    """Packed sequences side by side; what fills up a short one is a row of its own, untrained."""

    pad_id: int

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        width = max(len(item["input_ids"]) for item in items)
        positions = [i["position_ids"] + list(range(width - len(i["input_ids"]))) for i in items]
        return _ids_and_labels(items, self.pad_id) | {"position_ids": _tensor(positions, 0)}


def _ids_and_labels(items: list[Item], pad_id: int) -> dict[str, Any]:
    return {
        "input_ids": _tensor([item["input_ids"] for item in items], pad_id),
        "labels": _tensor([item["labels"] for item in items], NOT_TRAINED),
    }


def _tensor(rows: list[list[int]], filler: int) -> Any:
    """Rows of numbers as one rectangle."""
    import torch

    width = max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])
