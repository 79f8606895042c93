"""Measured peaks of memory, and how they correct the estimate."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NEWEST = 5
"""So many runs decide: enough for a median, few enough to follow a new driver or library."""
SMALLEST_FACTOR, LARGEST_FACTOR = 0.7, 1.6
"""A ratio beyond these is a measurement of something else (a run cut short after a resume, another
program's share), not a fault of the estimate, and must not talk a user into running out of memory.
"""


@dataclass(frozen=True, slots=True)
class MemoryPeak:
    """What a finished run measured and what had been predicted for it, both in bytes.

    ``base_model`` is what the configuration says, ``device`` the GPU's name or ``cpu``;
    ``created_at`` is when it was stored, in seconds since the epoch.
    """

    run_id: str
    base_model: str
    device: str
    measured_bytes: int
    predicted_bytes: int
    created_at: float


def calibration(peaks: Sequence[MemoryPeak]) -> float:
    """The factor for the estimate of one model on one device: 1.0 without any measurement.

    The median of measured by predicted: one odd run moves it little.
    """
    ratios = [peak.measured_bytes / peak.predicted_bytes for peak in peaks[:NEWEST]]
    if not ratios:
        return 1.0
    return min(max(median(ratios), SMALLEST_FACTOR), LARGEST_FACTOR)
