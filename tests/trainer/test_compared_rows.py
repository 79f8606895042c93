"""Rows that compare answers: what is asked, what differs, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from trainer_image.conversations import RowError, asked_before, is_good, pair
from trainer_image.data import Encoded
from trainer_image.preference_items import compared, imbalance
from trainer_image.preference_rows import without_torn
from trainer_image.row_formats import METHODS, DatasetFormat, fitting, misfit, rate_note
from trainer_image.rows import detect_format

ASKED = {"role": "user", "content": "Why?"}
YES, NO = ({"role": "assistant", "content": word} for word in ("Yes.", "No."))


@pytest.mark.parametrize(
    ("row", "alike"),
    [
        ({"prompt": "Why?", "chosen": "Yes.", "rejected": "No."}, 1),
        ({"prompt": [ASKED], "chosen": [YES], "rejected": [NO]}, 1),
        ({"chosen": [ASKED, YES], "rejected": [ASKED, NO]}, 1),
        ({"prompt": "Why?", "chosen": [ASKED, YES], "rejected": [ASKED, NO]}, 1),
        ({"chosen": [ASKED, YES, ASKED, YES], "rejected": [ASKED, YES, ASKED, NO]}, 3),
    ],
)
def test_what_both_sides_begin_with_is_the_prompt(row: dict[str, Any], alike: int) -> None:
    chosen, rejected, common = pair(row)
    assert common == alike
    assert chosen[:alike] == rejected[:alike]
    assert (chosen[-1], rejected[-1]) == (YES, NO)
    assert sum(message == ASKED for message in chosen) == (alike + 1) // 2


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"prompt": "Q", "chosen": "A", "rejected": "A"}, "are the same"),
        ({"chosen": [ASKED, YES], "rejected": [ASKED, YES, ASKED]}, "do not differ in an answer"),
    ],
)
def test_sides_that_do_not_differ_are_refused(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RowError, match=complaint):
        pair(row)


@pytest.mark.parametrize("label", [True, 1, "True", "yes", " 1 "])
def test_a_good_answer(label: object) -> None:
    assert is_good({"label": label})
    row = {"prompt": "Q", "completion": "A", "label": label}
    assert detect_format(row) is DatasetFormat.UNPAIRED_PREFERENCE
    assert asked_before(row) == 1
    assert asked_before(row | {"system": "Be kind."}) == 2


@pytest.mark.parametrize("label", [None, 2, "physics", "", [True]])
def test_a_label_that_is_none(label: object) -> None:
    with pytest.raises(RowError, match="neither true"):
        is_good({"label": label})
    row = {"prompt": "Q", "completion": "A", "label": label}
    assert detect_format(row) is DatasetFormat.PROMPT_COMPLETION


def test_each_format_has_its_methods() -> None:
    fits = {
        (format_, method)
        for format_, method in itertools.product(DatasetFormat, ("SFT", "DPO", "ORPO", "KTO"))
        if not misfit(format_, method)
    }
    pairs, marked = DatasetFormat.PREFERENCE, DatasetFormat.UNPAIRED_PREFERENCE
    compare = {(pairs, "DPO"), (pairs, "ORPO"), (pairs, "KTO"), (marked, "KTO")}
    assert fits == compare | {
        (format_, "SFT") for format_ in DatasetFormat if format_ not in METHODS
    }
    assert "DPO, ORPO or KTO" in fitting(pairs)
    assert "DPO cannot learn from" in misfit(marked, "DPO")


def _text(*ids: int) -> Encoded:
    return Encoded("", [*ids], [*ids], len(ids))


def test_kto_takes_a_pair_as_a_good_answer_and_a_bad_one() -> None:
    rows = {7: [_text(1, 2), _text(1, 3)]}
    (both,) = compared(rows, {}, "DPO")[7]
    assert (both["input_ids"], both["rejected_ids"]) == ([1, 2], [1, 3])
    good, bad = compared(rows, {}, "KTO")[7]
    assert (good["good"], bad["good"]) == ([1], [0])
    (marked,) = compared({7: [_text(1, 2)]}, {7: False}, "KTO")[7]
    assert marked["good"] == [0]


def test_a_pair_with_one_side_left_is_not_compared() -> None:
    chosen, rejected = _text(1, 2), _text(1)
    assert without_torn([chosen, rejected], [chosen], DatasetFormat.PREFERENCE) == []
    assert without_torn([chosen, rejected], [chosen], DatasetFormat.MESSAGES) == [chosen]


@pytest.mark.parametrize(("good", "bad", "told"), [(4, 3, False), (9, 1, True), (1, 9, True)])
def test_unequal_numbers_of_good_and_bad_answers_are_told(good: int, bad: int, told: bool) -> None:
    items = [{"good": [1]}] * good + [{"good": [0]}] * bad
    assert bool(imbalance(items)) is told


@pytest.mark.parametrize("method", ["SFT", "DPO", "KTO"])
@pytest.mark.parametrize("tuning", ["LoRA", "full"])
@pytest.mark.parametrize("rate", [5e-6, 1e-4, 2e-4])
def test_a_rate_that_only_sft_of_an_adapter_bears_is_warned_of(
    method: str, tuning: str, rate: float
) -> None:
    assert bool(rate_note(method, rate, tuning)) is (
        (method, tuning) != ("SFT", "LoRA") and rate > 1e-4
    )
