"""Rows one after the other, their common beginnings once: where each begins stays to be seen."""

from __future__ import annotations

import random

from trainer_image.attention import layout_of
from trainer_image.data import NOT_TRAINED
from trainer_image.joined import joined

Row = dict[str, list[int]]


def row(ids: list[int], trained: int) -> Row:
    """A row whose last tokens are learnt."""
    return {"input_ids": ids, "labels": [NOT_TRAINED] * (len(ids) - trained) + ids[-trained:]}


def seen(rows: list[Row]) -> list[list[int]]:
    """The tokens that each row of a joined batch consists of for its last token."""
    batch = joined(rows)
    layout = layout_of(batch["position_ids"])
    found: list[list[int]] = []
    begin = 0
    for length, shared, root in zip(layout.lengths, layout.shared, layout.roots, strict=True):
        own = batch["input_ids"][begin : begin + length]
        found.append([*found[root][:shared], *own] if shared else own)
        begin += length
    return found


def test_a_row_that_goes_on_where_the_one_before_ends_is_a_row_of_its_own() -> None:
    root = row(list(range(1, 21)), 1)
    short = row([*range(1, 9), 51, 52, 53, 54], 3)
    as_far = row([*range(1, 13), 61, 62, 63], 2)
    assert [one["input_ids"] for one in (root, short, as_far)] == seen([root, short, as_far])


def test_a_row_that_begins_with_the_whole_first_one_sees_it() -> None:
    first, longer = row(list(range(1, 13)), 3), row(list(range(1, 31)), 4)
    other = row([*range(1, 31), 70, 71, 72], 2)
    assert seen([first, longer])[-1] == longer["input_ids"]
    assert seen([first, longer, other])[-1] == other["input_ids"]


def test_every_row_of_a_batch_sees_its_own_tokens() -> None:
    draw = random.Random(7)
    for _ in range(500):
        size = [draw.randint(6, 20) for _ in range(8)]
        rows = [row([draw.randint(1, 1 + (n > 5)) for n in range(s)], 2) for s in size]
        texts = seen(rows)
        for one in rows:
            assert any(text[: len(one["input_ids"])] == one["input_ids"] for text in texts)
