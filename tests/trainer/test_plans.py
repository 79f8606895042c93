"""Numbers that are decided before a run: steps, and which rows share a packed sequence."""

from __future__ import annotations

from typing import Any

import pytest

from trainer_image.collate import packed_items, plan_bins
from trainer_image.contract import Hyperparameters
from trainer_image.data import NOT_TRAINED, Encoded
from trainer_image.steps import plan_steps


def plan(items: int, *, evaluating: bool = False, **hp: Any) -> Any:
    return plan_steps(Hyperparameters(**hp), items, evaluating=evaluating)


@pytest.mark.parametrize(
    ("items", "hp", "total"),
    [
        (16, {"batch_size": 2, "grad_accum": 4}, 2),
        (17, {"batch_size": 2, "grad_accum": 4}, 3),
        (17, {"batch_size": 2, "grad_accum": 4, "epochs": 2.0}, 6),
        (100, {"batch_size": 1, "grad_accum": 1, "epochs": 0.25}, 25),
        (100, {"batch_size": 1, "grad_accum": 1, "max_steps": 7}, 7),
        (3, {"batch_size": 1, "grad_accum": 1, "max_steps": 7}, 3),
        (1, {"batch_size": 8, "grad_accum": 8}, 1),
    ],
)
def test_total_steps(items: int, hp: dict[str, Any], total: int) -> None:
    assert plan(items, **hp).total == total


def test_evaluates_at_both_ends() -> None:
    steps = plan(90, evaluating=True, batch_size=1, grad_accum=1)
    assert [n for n in range(91) if steps.evaluates_at(n)] == [0, 23, 46, 69, 90]
    assert not any(plan(90).evaluates_at(n) for n in range(100))


@pytest.mark.parametrize(("total", "every"), [(5, 10), (150, 15), (90000, 200)])
def test_saves_at_every_tenth_within_bounds(total: int, every: int) -> None:
    assert plan(total, batch_size=1, grad_accum=1).save_every == every


@pytest.mark.spec("**Packing** – packs multiple short examples to improve throughput.")
def test_every_row_is_packed_once() -> None:
    lengths = [(n * 37) % 90 + 10 for n in range(500)]
    bins = plan_bins(lengths, 256, seed=1)
    assert sorted(n for numbers in bins for n in numbers) == list(range(500))
    sizes = [sum(lengths[n] for n in numbers) for numbers in bins]
    assert max(sizes) <= 256
    assert sum(sizes) / (256 * len(bins)) > 0.95
    assert bins == plan_bins(lengths, 256, seed=1)
    assert bins != plan_bins(lengths, 256, seed=2)


def test_no_row_learns_to_follow_another() -> None:
    rows = [Encoded("", [1, 2, 3], [1, 2, 3], 3), Encoded("", [4, 5], [NOT_TRAINED, 5], 2)]
    (item,) = packed_items(rows, 8, seed=0)
    assert sorted(item["input_ids"]) == [1, 2, 3, 4, 5]
    starts = [n for n, position in enumerate(item["position_ids"]) if position == 0]
    assert len(starts) == 2
    assert [item["labels"][n] for n in starts] == [NOT_TRAINED] * 2
