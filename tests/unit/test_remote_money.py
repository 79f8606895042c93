"""What a pod may cost, costs, and has cost."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from models.domain.remote_money import (
    BILL_SETTLES,
    clock_words,
    is_past_limit,
    run_cost,
    settled_cost,
    settled_words,
)
from models.domain.remote_run import RemoteAttempt, RemotePhase, Teardown

NOON = time.mktime((2026, 11, 26, 12, 0, 0, 0, 0, -1))
PAID = RemoteAttempt(
    "r1", 1, "temper-a-r1-1", RemotePhase.TRAINING, pod_id="p", per_hour=0.6,
    rented_at=NOON, ends_at=NOON + 7200, most_cost=1.2,
)  # fmt: skip


def test_a_pod_is_past_its_limit_only_while_it_may_cost() -> None:
    assert not is_past_limit(PAID, NOON + 7199)
    assert is_past_limit(PAID, NOON + 7200)
    assert not is_past_limit(PAID, NOON + 7200, grace=60)
    assert not is_past_limit(replace(PAID, teardown=Teardown.CONFIRMED), NOON + 9000)
    assert not is_past_limit(replace(PAID, ends_at=None), NOON + 9000)


@pytest.mark.parametrize(
    ("billed", "later", "cost"),
    [
        (None, 60, 0.60),  # no bill yet
        (0.0, 60, 0.60),  # one that says nothing yet
        (0.30, 3600, 0.60),  # half of it, so soon: not whole
        (0.59, 60, 0.59),
        (0.63, 60, 0.63),
        (0.30, BILL_SETTLES + 1, 0.30),  # as it is for good
    ],
)
def test_a_bill_that_is_not_whole_makes_no_run_cheap(
    billed: float | None, later: float, cost: float
) -> None:
    ended = replace(PAID, gone_at=NOON + 3600, teardown=Teardown.CONFIRMED)
    assert settled_cost(ended, billed, NOON + 3600 + later) == pytest.approx(cost)
    assert settled_cost(replace(PAID, rented_at=None), None, NOON) == 0
    assert settled_cost(replace(ended, pod_id=""), None, NOON + 7200) == 0


def test_a_run_costs_what_all_its_pods_do() -> None:
    first = replace(PAID, number=1, cost=0.25, teardown=Teardown.CONFIRMED)
    never_given = replace(PAID, number=2, pod_id="")
    assert run_cost((first, never_given, replace(PAID, number=3)), NOON + 1800) == (
        pytest.approx(0.55)
    )


def test_moments_and_costs_are_said_in_words() -> None:
    assert clock_words(NOON, NOON) == "12:00"
    assert clock_words(NOON + 86400, NOON) == "Fri 12:00"
    assert settled_words(1.0, 1.1) == "It cost $1.10, $1.00 were expected."
    assert settled_words(None, 0.001) == "It cost under $0.01."
