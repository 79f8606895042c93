"""The loss of fewer computations is the same loss, packed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab, Probe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def losses(probe: Probe, tiny_model: Path) -> Any:
    return probe("losses", tiny_model)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_same_as_the_plain_loss(losses: Any, attention: str) -> None:
    report = losses[attention]
    assert report["ours"] == pytest.approx(report["plain"], abs=1e-5)
    assert max(report["gradient_error"]) < 1e-5 * report["gradient"]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_rows_do_not_see_each_other(losses: Any, attention: str) -> None:
    report = losses[attention]
    assert 1 < report["sequences"] < 6
    assert report["packed"] == pytest.approx(report["ours"], abs=5e-6)


def test_a_model_that_leaks_is_not_packed(losses: Any) -> None:
    assert losses["leaking_refused"]
    assert not losses["sound_refused"]


def test_accumulation_is_the_same_as_a_batch(lab: Lab) -> None:
    """Rows have different numbers of tokens: a mean of the micro-batches' means would differ."""
    same = {"packing": False, "max_steps": 3, "seed": 5}
    whole = lab.train(lab.job("whole", hp=same | {"batch_size": 4, "grad_accum": 1}))
    parts = lab.train(lab.job("parts", hp=same | {"batch_size": 1, "grad_accum": 4}))
    for one, other in zip(whole.of_type("progress"), parts.of_type("progress"), strict=True):
        assert one.get("loss") == pytest.approx(other.get("loss"), abs=1e-5)
        assert one.get("grad_norm") == pytest.approx(other.get("grad_norm"), rel=1e-4)
        assert one.get("tokens") == other.get("tokens")
