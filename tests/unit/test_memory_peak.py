"""How measured peaks correct the estimate, as a pure rule."""

from __future__ import annotations

import pytest

from models.domain.memory_peak import LARGEST_FACTOR, SMALLEST_FACTOR, MemoryPeak, calibration


def peaks(*ratios: float) -> list[MemoryPeak]:
    """Newest first."""
    return [
        MemoryPeak(f"r{number}", "m", "cpu", round(1000 * ratio), 1000, 100.0 - number)
        for number, ratio in enumerate(ratios)
    ]


@pytest.mark.parametrize(
    ("ratios", "factor"),
    [
        ((), 1.0),
        ((1.1,), 1.1),
        ((1.2, 1.0), 1.1),
        ((1.1, 9.0, 1.0), 1.1),
        ((0.9, 0.9, 0.9, 1.3, 1.3, 1.3, 1.3, 1.3), 0.9),
        ((50.0,), LARGEST_FACTOR),
        ((0.01,), SMALLEST_FACTOR),
    ],
)
def test_the_median_of_the_newest_within_bounds(ratios: tuple[float, ...], factor: float) -> None:
    assert calibration(peaks(*ratios)) == pytest.approx(factor)
