"""What befalls remote runs: in every cell the run ends truly, is told, and leaves no pod.

A run of the test suite plays a few cells. ``TEMPER_FAULT_CELLS=usual`` plays for each fault the
steps that it belongs to, ``all`` every fault in every step; both write docs/reliability.md. Names
of faults with semicolons between play those in every step.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.remote_run import RemotePhase
from tests.integration.fault_cells import FAULTS, PHASES, Cell, play
from tests.integration.fault_report import write_report
from tests.integration.remote_world import remote_world

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"
CHOSEN = os.environ.get("TEMPER_FAULT_CELLS", "")
_REPORTED = {"usual", "all"}
QUICK = (
    "create: 500, made", "create: silence, not made", "old driver", "crash loop", "corrupt upload",
    "cut download", "console", "restart", "delete refused", "window killed",
)  # fmt: skip
FOUND = [("console", RemotePhase.DELIVERING), ("console", RemotePhase.STARTING)]
"""Cells that once did not hold."""
FURTHER = {
    "console": (RemotePhase.FETCHING, RemotePhase.ENDING),
    "volume full": (RemotePhase.DELIVERING,),
    "restart": (RemotePhase.DELIVERING, RemotePhase.FETCHING),
    "host dies": (RemotePhase.BOOTING, RemotePhase.FETCHING),
    "balance gone": (RemotePhase.FETCHING,),
    "proxy gone": (RemotePhase.BOOTING, RemotePhase.DELIVERING, RemotePhase.STARTING),
    "asleep": (RemotePhase.DELIVERING,),
    "window killed": (
        RemotePhase.RENTING, RemotePhase.BOOTING, RemotePhase.DELIVERING, RemotePhase.STARTING,
        RemotePhase.FETCHING, RemotePhase.ENDING, RemotePhase.SETTLING,
    ),
}  # fmt: skip
"""Other steps in which a fault means something else; played for the report."""
USUAL = {
    "create: 500, made": RemotePhase.RENTING, "create: 500, not made": RemotePhase.RENTING,
    "create: silence, made": RemotePhase.RENTING, "create: silence, not made": RemotePhase.RENTING,
    "no capacity": RemotePhase.RENTING, "402": RemotePhase.RENTING, "403": RemotePhase.BOOTING,
    "429 storm": RemotePhase.VOLUME, "API down": RemotePhase.TRAINING,
    "stuck pull": RemotePhase.RENTING, "pulls refused": RemotePhase.RENTING,
    "old driver": RemotePhase.RENTING, "crash loop": RemotePhase.RENTING,
    "never starts": RemotePhase.RENTING, "proxy gone": RemotePhase.TRAINING,
    "proxy away": RemotePhase.TRAINING, "cut upload": RemotePhase.DELIVERING,
    "cut download": RemotePhase.FETCHING, "corrupt upload": RemotePhase.DELIVERING,
    "corrupt download": RemotePhase.FETCHING, "volume full": RemotePhase.TRAINING,
    "console": RemotePhase.TRAINING, "host dies": RemotePhase.TRAINING,
    "restart": RemotePhase.TRAINING, "delete refused": RemotePhase.ENDING,
    "balance gone": RemotePhase.TRAINING, "expired key": RemotePhase.ENDING,
    "own key refused": RemotePhase.RENTING, "asleep": RemotePhase.TRAINING,
    "window killed": RemotePhase.TRAINING, "clock skew": RemotePhase.PREFLIGHT,
}  # fmt: skip


def _cells() -> list[tuple[str, RemotePhase]]:
    if CHOSEN in {"", "usual"}:
        further = [(name, phase) for name, phases in FURTHER.items() for phase in phases]
        names = [(name, USUAL[name]) for name in (USUAL if CHOSEN else QUICK)]
        return names + FOUND + (further if CHOSEN else [])
    names = list(FAULTS) if CHOSEN == "all" else CHOSEN.split(";")
    return [(name, phase) for name in names for phase in PHASES]


@pytest.fixture(scope="module")
def played() -> Iterator[list[Cell]]:
    cells: list[Cell] = []
    yield cells
    if CHOSEN in _REPORTED:
        write_report(cells, REPORT)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "phase"), _cells())
def test_a_fault_in_a_step(
    fault: str,
    phase: RemotePhase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    played: list[Cell],
) -> None:
    with remote_world(tmp_path, monkeypatch) as there:
        cell = play(there, fault, phase)
    played.append(cell)
    print(f"{fault} in {phase}: {cell.outcome} after {cell.seconds:.0f} s. {cell.words}")
    assert cell.struck, f"it never came to {phase}: {cell.attempts}"
    assert cell.wrong == [], cell.attempts


def test_every_fault_has_a_usual_step() -> None:
    assert set(USUAL) == set(FAULTS)
    assert len(FAULTS) >= 20
