"""What is known of a rented pod from its record."""

from __future__ import annotations

import pytest

from models.domain.pod_rows import AWAITS_AGENT, AWAITS_WORK, row_of_attempt
from models.domain.remote_run import RemoteAttempt, RemotePhase, Teardown


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
