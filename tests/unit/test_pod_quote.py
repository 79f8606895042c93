"""The quote before a remote training starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.pod import Balance
from models.domain.pod_quote import (
    SETUP_SECONDS,
    PodPrice,
    dollars,
    hours,
    quote,
    volume_price,
)

PRICE = PodPrice(per_hour=0.74, disk=40, volume=50, max_hours=6, max_cost=10)


def test_the_time_limit_holds_where_it_comes_first() -> None:
    found = quote(PRICE, 3600 - SETUP_SECONDS)
    assert found.per_hour == pytest.approx(0.74 + 40 * 0.10 / 730)
    assert (found.expected_seconds, found.most_seconds) == (3600, 6 * 3600)
    assert found.expected_cost == pytest.approx(found.per_hour)
    assert found.most_cost == pytest.approx(6 * found.per_hour)
    assert found.words() == (
        "$0.75 an hour.",
        "Expected: about 1 h and $0.75, with setting up.",
        "At most $4.47: ended after 6 h.",
        "The network volume costs $3.50 a month for as long as it is kept.",
    )


def test_the_cost_limit_holds_where_it_comes_first() -> None:
    found = quote(replace(PRICE, per_hour=8 * 3.99, volume=0), None)
    assert found.most_cost == pytest.approx(10)
    assert found.most_seconds < 1200
    assert found.words()[1:] == (
        "How long it takes is not known for this GPU.",
        "At most $10.00: ended after 19 minutes.",
    )


def test_a_run_that_the_limit_would_end_is_warned_of() -> None:
    assert "The limit ends it before" in quote(PRICE, 7 * 3600).words()[-1]


@pytest.mark.parametrize(
    ("balance", "words"),
    [
        (Balance(0.50, 0), "The balance of $0.50 is too low: Runpod wants $0.75, one hour"),
        (Balance(2.00, 0), "ends before the limit does"),
        (Balance(50.0, 79.9, 80.0), "limit of $80.00 an hour would be passed"),
        (Balance(50.0, 0, 80.0), ""),
    ],
)
def test_a_balance_that_does_not_reach_is_warned_of(balance: Balance, words: str) -> None:
    warnings = quote(PRICE, 600, balance).warnings
    assert len(warnings) == bool(words)
    assert words in " ".join(warnings)


def test_large_volumes_cost_less_for_each_gigabyte() -> None:
    assert (volume_price(50), volume_price(2000)) == (pytest.approx(3.5), pytest.approx(100))


def test_words_for_money_and_time() -> None:
    assert (dollars(0), dollars(0.001), dollars(1.2)) == ("$0.00", "under $0.01", "$1.20")
    assert dollars(1234.5) == "$1,234.50"
    assert [hours(n) for n in (1, 59 * 60, 3600, 7830)] == [
        "1 minute", "59 minutes", "1 h", "2 h 10 min",
    ]  # fmt: skip
