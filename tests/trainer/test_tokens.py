"""Several processes make the tokens that one would have made, and none of them is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(probe: Probe, tiny_model: Path) -> Any:
    return probe("tokens", tiny_model)


def test_processes_make_the_same_tokens_also_when_one_is_killed(told: Any) -> None:
    beside = told["beside"]
    assert beside["same"]
    assert beside["texts"] > 450
    assert beside["kept"]


def test_no_process_waits_for_the_end_of_the_training(told: Any) -> None:
    assert told["beside"]["left_running"] == 0


def test_a_report_by_processes_is_the_same(told: Any) -> None:
    faulty, sound = told["reports"]["faulty"], told["reports"]["sound"]
    assert faulty["same"]
    assert sound["same"]
    assert {"not_json", "missing_value", "duplicate"} <= set(faulty["codes"])
    assert faulty["progress_ends"]
    assert sound["progress_ends"]


def test_a_training_takes_up_what_the_report_has_made(told: Any) -> None:
    """But not of rows that it would refuse: then it has to say why."""
    assert told["reports"]["sound"]["kept"]
    assert told["reports"]["taken_up"]
    assert not told["reports"]["faulty"]["kept"]


def test_a_report_that_is_cancelled_leaves_nothing(told: Any) -> None:
    assert told["cancelled"] == {"value": None, "left": [], "left_running": 0}


def test_a_killed_parent_leaves_no_process(told: Any) -> None:
    assert told["parent_killed"] == {"started": True, "gone": True}
