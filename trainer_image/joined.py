"""A batch as one sequence: no padding, and what rows have in common at their beginning only once.

Chat templates begin every conversation with the same system prompt. A causal model computes the
same numbers for it in each row, so the first row's serve the others (trainer_image/attention.py).
What is learnt is the same: a shared token is never a trained one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from trainer_image.data import NOT_TRAINED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.collate import Item

LEAST_SHARED = 4
"""Tokens that must be saved for a row to lean on another: its attention becomes a copy longer."""


@dataclass
class Group:
    """A row and those that share its beginning, with the number of tokens that each shares."""

    root: Item
    sharers: list[tuple[Item, int]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[Item, int]]:
        """All rows, each with the tokens that it shares: one less where its own would go on from
        the end of the row before it, for by their positions the two would be one row."""
        yield self.root, 0
        end = 0  # a row that goes on from the end of the first one is right: it shares all of it
        for row, shared in self.sharers:
            yield row, shared - (shared == end)
            end = len(row["input_ids"])


@dataclass(frozen=True)
class JoinedCollator:
    """Rows, packed or not, one after the other; ``share`` is off where chance decides what a token
    becomes (dropout), for then no two are the same."""

    share: bool = True

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        import torch

        batch = joined(items, share=self.share)
        return {name: torch.tensor([values]) for name, values in batch.items()}


def joined(items: list[Item], *, share: bool = True) -> Item:
    """The rows of items as one: tokens, what of them is learnt, and each token's position."""
    rows = [_without_tail(row) for item in items for row in rows_of(item)]
    batch: Item = {"input_ids": [], "labels": [], "position_ids": []}
    for group in _groups(rows, share=share):
        for row, shared in group.rows():
            batch["input_ids"] += row["input_ids"][shared:]
            # The token before is another row's: it must not learn to predict this one.
            batch["labels"] += [NOT_TRAINED, *row["labels"][shared + 1 :]]
            batch["position_ids"] += range(shared, len(row["input_ids"]))
    return batch


def rows_of(item: Item) -> list[Item]:
    """The rows that a packed sequence was made of; a row that was not packed is itself."""
    plain = {name: list(item[name]) for name in ("input_ids", "labels")}
    if "position_ids" not in item:
        return [plain]
    starts = [number for number, position in enumerate(item["position_ids"]) if position == 0]
    ends = [*starts[1:], len(plain["labels"])]
    return [
        {name: values[start:end] for name, values in plain.items()}
        for start, end in zip(starts, ends, strict=True)
    ]


def _without_tail(row: Item) -> Item:
    """A causal model's loss does not depend on what comes after the last trained token."""
    end = len(row["labels"])
    while end > 1 and row["labels"][end - 1] == NOT_TRAINED:
        end -= 1
    return {name: values[:end] for name, values in row.items()}


def _groups(rows: list[Item], *, share: bool) -> list[Group]:
    """Each row with the first one whose beginning it has, else as a beginning for others."""
    groups: list[Group] = []
    for row in rows:
        counts = [_shareable(group.root, row) for group in groups] if share else []
        most = max(counts, default=0)
        if most >= LEAST_SHARED:
            groups[counts.index(most)].sharers.append((row, most))
        else:
            groups.append(Group(row))
    return groups


def _shareable(root: Item, row: Item) -> int:
    """How many of its first tokens a row may take from another: equal ones, before the token from
    which its first trained one is predicted."""
    first = next(n for n, label in enumerate([*row["labels"][1:], 0]) if label != NOT_TRAINED)
    pairs = zip(root["input_ids"], row["input_ids"][:first], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
