"""docs/reliability.md from the cells that were played."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.integration.fault_cells import FAULTS, PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.integration.fault_cells import Cell

CLOCK = re.compile(r" \((?:\w{3} )?\d\d:\d\d\)")
"""A time of day, which is another one in each report."""
_HEAD = """\
# What befalls a run on a rented pod

Written by `TEMPER_FAULT_CELLS=all python -m pytest tests/integration/test_remote_faults.py`
(`usual`: only the steps that each fault belongs to; a dash is a cell that was not played).
Each cell is one whole run against the emulated Runpod, on a clock sixty times as fast, with the
real agent and a stand-in for the trainer; the fault strikes as the step begins. A cell holds where
the run comes to a true end, no pod survives, the limit is overshot by less than a minute (and by
what this machine was late itself: a real second is a minute), a finished adapter is here or said to
be on the volume, and a run that did not finish says why and what next.
[reliability-limits.md](reliability-limits.md) has trainings that come to their limit, and runs
without a network volume, [reliability-containers.md](reliability-containers.md) real containers.

"""
_HEAD_OF_CONTAINERS = """\
# What befalls a run in a real container

Written by `TEMPER_FAULT_CELLS=usual python -m pytest tests/docker/test_remote_containers.py`.
Each cell is one whole run against the emulated Runpod whose pod is a Docker container of the real
image, with the real agent and the real trainer, which trains a tiny model; the fault strikes as
the step begins. A cell holds where all holds that [reliability.md](reliability.md) asks for, the
adapter at home is the volume's to the byte, and no container is left.

"""


def write_report(cells: Sequence[Cell], path: Path) -> None:
    """The matrix, then a line for each fault and what the user reads."""
    known = {(cell.fault, cell.phase): cell for cell in cells}
    lines = [f"{sum(not cell.wrong for cell in cells)} of {len(cells)} cells hold.", ""]
    lines += ["| Fault | " + " | ".join(PHASES) + " |", "|---" * (len(PHASES) + 1) + "|"]
    for fault in FAULTS:
        row = [_shown(known.get((fault, phase))) for phase in PHASES]
        lines.append(f"| {fault} | " + " | ".join(row) + " |")
    lines += ["", "## The faults, and what is said", ""]
    for fault, what in FAULTS.items():
        words = {cell.words for cell in cells if cell.fault == fault and cell.words}
        said = {CLOCK.sub("", one) for one in words}
        lines.append(f"- **{fault}**: {what}.")
        lines += [f"  - {words}" for words in sorted(said)]
    path.write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")


def write_container_report(cells: Sequence[Cell], path: Path) -> None:
    """A line for each cell, in the order of their names: its end, and what the user reads."""
    lines = [f"{sum(not cell.wrong for cell in cells)} of {len(cells)} cells hold.", ""]
    lines += ["| Fault | Step | End | Said |", "|---|---|---|---|"]
    for cell in sorted(cells, key=lambda cell: (cell.fault, cell.phase)):
        said = CLOCK.sub("", cell.words)
        lines.append(f"| {cell.fault} | {cell.phase} | {_shown(cell)} | {said} |")
    lines += [""] + [f"- **{name}**: {FAULTS[name]}." for name in sorted({c.fault for c in cells})]
    path.write_text(_HEAD_OF_CONTAINERS + "\n".join(lines) + "\n", encoding="utf-8")


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return f"**{'; '.join(cell.wrong)}**" if cell.wrong else cell.outcome
