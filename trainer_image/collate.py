"""Rows to batches: padded, or packed so that no token is wasted and no row sees another.

A packed sequence carries positions that start at 0 with each row and no attention mask: that is how
transformers tells the rows apart. With a mask of ones or with a cache it would not, and rows would
leak into each other without an error; the tests compare packed and separate losses.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer_image.data import NOT_TRAINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer_image.data import Encoded

Item = dict[str, list[int]]


def padded_items(rows: Sequence[Encoded]) -> list[Item]:
    """One item for each row."""
    return [{"input_ids": row.input_ids, "labels": row.labels} for row in rows]


def packed_items(rows: Sequence[Encoded], limit: int, seed: int) -> list[Item]:
    """Items of at most ``limit`` tokens, each of several whole rows."""
    bins = plan_bins([len(row.input_ids) for row in rows], limit, seed)
    return [_join([rows[number] for number in numbers]) for numbers in bins]


def plan_bins(lengths: Sequence[int], limit: int, seed: int) -> list[list[int]]:
    """Best fit: each row, in an order drawn by ``seed``, goes where it leaves least room.

    Not longest first, which fills a little better: rows of like length would share their batches.
    """
    order = list(range(len(lengths)))
    random.Random(seed).shuffle(order)  # noqa: S311 - nothing secret, and it must be repeatable
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, number of the bin), sorted
    for number in order:
        place = bisect_left(room, (lengths[number], -1))
        if place == len(room):
            bins.append([])
            room.append((limit, len(bins) - 1))
        left, target = room.pop(place)
        bins[target].append(number)
        insort(room, (left - lengths[number], target))
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
