"""Answers that are compared, as what is trained on: pairs side by side, or each with its label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer_image.collate import PaddedCollator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainer_image.collate import Item
    from trainer_image.data import Encoded

REJECTED_IDS, REJECTED_LABELS = "rejected_ids", "rejected_labels"
GOOD = "good"
"""Of an answer with a label: 1 for a good one, 0 for a bad one."""
REFERENCE = "reference"
"""The log-probabilities of an item's answers by the model as it was before the training."""


def compared(
    rows: Mapping[int, Sequence[Encoded]], good: Mapping[int, bool], method: str
) -> dict[int, list[Item]]:
    """The items of each row: DPO and ORPO take a pair as one, KTO as a good answer and a bad one.

    ``good`` has the labels of rows that are one answer each.
    """
    if method == "KTO":
        return {
            number: [_answer(text, good.get(number, not place)) for place, text in enumerate(texts)]
            for number, texts in rows.items()
        }
    return {number: [_pair(*texts)] for number, texts in rows.items()}


def size_of(item: Item) -> int:
    """The tokens of an item, both sides of a pair."""
    return len(item["input_ids"]) + len(item.get(REJECTED_IDS, ()))


def imbalance(items: Iterable[Item]) -> str:
    """A sentence where good and bad answers are so unequal that KTO learns mostly from one kind.

    The limit of 4 to 3 is that of its paper (arxiv.org/abs/2402.01306, equation 8), which gives the
    rarer kind more weight; here all answers weigh the same.
    """
    labels = [item[GOOD][0] for item in items if GOOD in item]
    good, bad = sum(labels), len(labels) - sum(labels)
    if not labels or 3 * max(good, bad) <= 4 * min(good, bad):
        return ""
    return (
        f"{good} answers are good and {bad} are bad: KTO learns mostly from the more frequent kind."
    )


def _pair(chosen: Encoded, rejected: Encoded) -> Item:
    return {
        "input_ids": chosen.input_ids,
        "labels": chosen.labels,
        REJECTED_IDS: rejected.input_ids,
        REJECTED_LABELS: rejected.labels,
    }


def _answer(text: Encoded, is_good: bool) -> Item:
    return {"input_ids": text.input_ids, "labels": text.labels, GOOD: [int(is_good)]}


@dataclass(frozen=True)
class PairCollator:
    """All chosen sides of a batch, then all rejected ones, as one padded batch."""

    pad_id: int

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        chosen = [{"input_ids": one["input_ids"], "labels": one["labels"]} for one in items]
        rejected = [
            {"input_ids": one[REJECTED_IDS], "labels": one[REJECTED_LABELS]} for one in items
        ]
        return PaddedCollator(self.pad_id)(chosen + rejected) | _reference(items)


@dataclass(frozen=True)
class LabelledCollator:
    """Answers side by side, each with whether it is a good one."""

    pad_id: int

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        import torch

        texts = [{"input_ids": one["input_ids"], "labels": one["labels"]} for one in items]
        good = torch.tensor([one[GOOD][0] for one in items], dtype=torch.bool)
        return PaddedCollator(self.pad_id)(texts) | {GOOD: good}


def _reference(items: list[Item]) -> dict[str, Any]:
    """Of each side, in the order of the batch; nothing where it is computed beside the training."""
    if REFERENCE not in items[0]:
        return {}
    import torch

    sides = zip(*(one[REFERENCE] for one in items), strict=True)
    return {REFERENCE: torch.tensor([value for side in sides for value in side])}
