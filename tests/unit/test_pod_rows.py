"""What is known of a rented pod from its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.domain.pod_rows import AWAITS_AGENT, AWAITS_WORK, KEPT, PodRow, row_of_attempt
from models.domain.remote_run import FINISHED, RemoteAttempt, RemotePhase, Teardown
from models.qt.pod_words import (
    closing_keep,
    closing_text,
    end_text,
    indicator_words,
    pod_line,
)


@pytest.mark.parametrize(
    ("phase", "awaits"),
    [
        (RemotePhase.RENTING, AWAITS_AGENT),
        (RemotePhase.BOOTING, AWAITS_AGENT),
        (RemotePhase.DELIVERING, AWAITS_WORK),
        (RemotePhase.STARTING, AWAITS_WORK),
        (RemotePhase.TRAINING, ""),
        (RemotePhase.FETCHING, ""),
    ],
)
def test_until_it_trains_a_pod_needs_the_program(phase: RemotePhase, awaits: str) -> None:
    attempt = RemoteAttempt("run-1", 1, "temper-1-2-1", created_at=1.0, phase=phase, pod_id="p")
    assert row_of_attempt(attempt, 2.0).awaits == awaits


@pytest.mark.parametrize("volume", ["", "volume-1"])
def test_what_a_pod_leaves_behind_lies_on_a_volume_or_nowhere(volume: str) -> None:
    attempt = RemoteAttempt("run-1", 1, "temper-1-2-1", created_at=1.0, volume_id=volume)
    assert row_of_attempt(attempt, 2.0).has_volume == bool(volume)


def test_one_that_is_being_ended_awaits_nothing_but_that() -> None:
    attempt = RemoteAttempt(
        "run-1", 1, "temper-1-2-1", created_at=1.0, phase=RemotePhase.BOOTING, pod_id="p",
        teardown=Teardown.REQUESTED,
    )  # fmt: skip
    assert row_of_attempt(attempt, 2.0).awaits == ""


def kept(**changes: Any) -> PodRow:
    """A pod that the user keeps when its training is done."""
    attempt = RemoteAttempt(
        "run-1", 1, "temper-1-2-1", created_at=1.0, phase=RemotePhase.ENDING, pod_id="p",
        outcome=FINISHED, keep=True, rented_at=1.0, ends_at=7200.0, most_cost=4.0, volume_id="v",
    )  # fmt: skip
    return row_of_attempt(replace(attempt, **changes), 2.0)


def test_a_pod_that_is_kept_is_not_said_to_be_ending() -> None:
    row = kept()
    assert row.state == KEPT
    assert indicator_words([row]) == "1 rented pod"
    assert "ends by itself at" in pod_line(row, {}, 2.0)
    assert "results are here" in closing_text([row])
    assert closing_keep([row]) == "Keep the pod"
    assert "checkpoint" not in closing_text([row])
    assert "what it made is here" in end_text(row)
    assert "training ends" not in end_text(row)


@pytest.mark.parametrize(
    "changes", [{"teardown": Teardown.REQUESTED}, {"stop_asked": True}, {"keep": False}]
)
def test_one_that_is_not_to_be_kept_any_more_is_ending(changes: dict[str, object]) -> None:
    assert kept(**changes).state.startswith("ending")
    assert "is being ended" in pod_line(kept(**changes), {}, 2.0)
    assert "being ended" in closing_text([kept(**changes)])
    assert closing_keep([kept(**changes)]) == "Close anyway"
