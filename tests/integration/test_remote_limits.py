"""What a limit of time or money is worth, whatever befalls a training that would go on for ever.

A run of the test suite plays a few cells. ``TEMPER_FAULT_CELLS=all`` (``make soak``) plays all of
them, and writes docs/reliability-limits.md.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from models.domain.remote_run import RemotePhase
from tests.conftest import ROOT
from tests.emulators.runpod.mishaps import MISHAPS
from tests.integration.limit_cells import (
    API_DOWN,
    ASLEEP,
    CLOCK_SKEW,
    DEARER,
    KILLED,
    LIMIT,
    NO_START,
    NO_VOLUME,
    NOTHING,
    OFF,
    Case,
    LimitCell,
    Played,
)
from tests.integration.limit_report import write_limit_report
from tests.integration.remote_world import remote_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPORT = ROOT / "docs" / "reliability-limits.md"
ALL = os.environ.get("TEMPER_FAULT_CELLS", "") == "all"
RENTING, DELIVERING = RemotePhase.RENTING, RemotePhase.DELIVERING
TRAINING, FETCHING = RemotePhase.TRAINING, RemotePhase.FETCHING
_EARLIER = {
    "create: 500, made": RENTING, "create: 500, not made": RENTING,
    "create: silence, made": RENTING, "create: silence, not made": RENTING,
    "stuck pull": RENTING, "pulls refused": RENTING, "old driver": RENTING,
    "crash loop": RENTING, "never starts": RENTING, "cut upload": DELIVERING,
    "corrupt upload": DELIVERING,
}  # fmt: skip
"""What would mean nothing while it trains."""
_SAID = {
    "console": "in Runpod's console", "balance gone": "balance is used up",
    "volume full": "disk is full",
}  # fmt: skip
"""What ends a training before its limit does."""
_AT_THE_END = ("cut download", "corrupt download")
"""What needs a trainer that saves in time."""
_LONGER = {API_DOWN: 1 / 3, "console": 1 / 3}
"""Hours of a limit that is not to be near when they strike, or end."""
EACH = tuple(
    Case(
        fault,
        _EARLIER.get(fault, TRAINING),
        hours=_LONGER.get(fault, 1 / 6),
        heeds=fault in _AT_THE_END,
        says=_SAID.get(fault, LIMIT),
    )
    for fault in (NOTHING, *MISHAPS, CLOCK_SKEW)
)
FURTHER = (
    Case(NOTHING, heeds=True), Case(API_DOWN), Case(NO_START, RENTING, hours=8 / 60),
    Case(DEARER, RENTING, hours=0.5), Case("old driver", RENTING, dollars=0.04),
    Case(NOTHING, dollars=0.04), Case("restart", dollars=0.04), Case("host dies", dollars=0.04),
    Case(NOTHING, window=OFF), Case(NOTHING, window=OFF, heeds=True), Case("restart", window=OFF),
    Case("proxy gone", window=OFF), Case("delete refused", window=OFF),
    Case(NOTHING, window=OFF, dollars=0.04), Case(NOTHING, window=ASLEEP),
    Case("restart", window=ASLEEP), Case(CLOCK_SKEW, window=ASLEEP), Case(NOTHING, window=KILLED),
    Case("host dies", window=KILLED), Case("own key refused", window=KILLED),
)  # fmt: skip
WITHOUT_VOLUME = (
    Case(NOTHING, FETCHING, KILLED, ends=True, volume=False, says=""),
    Case("restart", window=OFF, volume=False), Case(NOTHING, window=OFF, volume=False),
    Case(NOTHING, window=ASLEEP, ends=True, volume=False),
    Case(NOTHING, FETCHING, ASLEEP, ends=True, volume=False, says=NO_VOLUME),
    Case(NOTHING, heeds=True, volume=False), Case("host dies", ends=True, volume=False),
    Case("console", hours=1 / 3, volume=False, says=_SAID["console"]),
)  # fmt: skip
QUICK = (EACH[0], Case("own key refused", window=KILLED), WITHOUT_VOLUME[3])
SPEED = 60 if ALL else 25
"""Of the emulator's clock: on a busy machine a pod needs real seconds to come to its training."""
CASES = (*EACH, *FURTHER, *WITHOUT_VOLUME) if ALL else QUICK


@pytest.fixture(scope="module")
def played() -> Iterator[list[LimitCell]]:
    """The report is of all cells, or not written."""
    cells: list[LimitCell] = []
    yield cells
    if len(cells) == len((*EACH, *FURTHER, *WITHOUT_VOLUME)):
        write_limit_report(cells, REPORT)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_limit_holds(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: list[LimitCell]
) -> None:
    with remote_world(tmp_path, monkeypatch, speed=SPEED) as there:
        cell = Played(there, case).go()
    played.append(cell)
    paid = f"{cell.seconds:.0f} of {cell.limit:.0f} s, ${cell.bill:.4f} of ${cell.most:.4f}"
    print(f"{case}: {cell.run and cell.run.state}, {cell.pods} pods, {paid}. {cell.words}")
    assert cell.wrong == [], cell.attempts


def test_every_fault_meets_a_limit() -> None:
    assert {case.fault for case in EACH} >= set(MISHAPS)
