"""docs/reliability-limits.md from the cells that were played."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.fault_report import CLOCK
from tests.integration.limit_cells import FAULTS, NOTHING, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.integration.limit_cells import LimitCell

_HEAD = """\
# What a limit is worth

Written by `TEMPER_FAULT_CELLS=all python -m pytest tests/integration/test_remote_limits.py`
(`make soak`). In [reliability.md](reliability.md) most runs are over long before their limit. Here
a training would go on for ever, and in most cells the trainer does not even hear that it is to save
and end, so that the pod lives to its limit. Each cell is one run against the emulated Runpod, on a
clock sixty times as fast, with the real agent and a stand-in for the trainer. A fault strikes a
minute and a half into the training, or as the step begins that is named.

Counted is what the user pays: the lives of all pods of the run added up, from the emulator's making
each to its end, and the emulator's bill. A cell holds where

- they lived at most a minute longer than the user's limit of hours or dollars (one in dollars is
  turned into time by the price), and what this machine was late itself in that time, all its late
  wakings added up: a real second is a minute;
- the bill is at most the limit and a minute's price;
- no pod is left, the run is over, and what the user is told is true: the limit is named where it
  was the reason and only there, and a checkpoint that is promised lies where it is said to.

"""
_OUT_OF_REACH = """
While Runpod's API is down, or tells everybody to wait, nobody can end a pod, neither it nor we;
where that is so at the limit, the minute counts from the first call that is taken again. The storm
of the table is of thirty calls, which are used up by trying alone. Two things are beyond all of
this: a pod that cannot end itself (its container never started, its host is dead, or its own key is
refused after it was proven at the start) while no program of ours runs anywhere, and an API that
never comes back. Then the balance is what ends it.

"""
_WITHOUT = """
## Without a network volume

With a network volume no finished adapter is lost: it is on the volume until it is here, and a run
whose pod is gone says so. Without one, as always in the Community Cloud, what is trained is on the
pod alone, which then waits to its limit for whatever program brings it home. What was not home by
then, or when the pod's host died or somebody deleted it, is lost. The quote says so before the
start, and the run at its end. The limit holds all the same.

"""


def write_limit_report(cells: Sequence[LimitCell], path: Path) -> None:
    """Three tables, and what is said in them."""
    kept = [cell for cell in cells if cell.case.volume]
    gone = [cell for cell in cells if not cell.case.volume]
    text = _HEAD + _summary(cells) + _table(kept) + _OUT_OF_REACH
    text += _faults(kept) + _WITHOUT + _table(gone, adapters=True)
    path.write_text(text, encoding="utf-8")


def _summary(cells: Sequence[LimitCell]) -> str:
    holds = sum(not cell.wrong for cell in cells)
    worst = max(cell.seconds - cell.limit - cell.refused for cell in cells)
    late = max(cell.late for cell in cells)
    return (
        f"{holds} of {len(cells)} cells hold. The pods of a run lived at most {worst:.0f} seconds "
        f"past its limit; the machine\nitself was late by up to {late:.0f}.\n\n"
    )


def _table(cells: Iterable[LimitCell], *, adapters: bool = False) -> str:
    last = "Adapter" if adapters else "Trainer"
    lines = [
        f"| Fault | Strikes in | The program | Pods | Lived | Billed | {last} | End, and what is "
        "said |",
        "|---" * 8 + "|",
    ]
    for cell in cells:
        case = cell.case
        end = f"{cell.run.state}. {CLOCK.sub('', cell.words)}" if cell.run else ""
        columns = (
            case.fault, case.phase, WINDOWS[case.window], str(cell.pods), _paid(cell),
            f"${cell.bill:.4f} of ${cell.most:.4f}", _adapter(cell) if adapters else _trainer(cell),
            f"**{'; '.join(cell.wrong)}**" if cell.wrong else end.strip(),
        )  # fmt: skip
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def _trainer(cell: LimitCell) -> str:
    return "saves and ends in time" if cell.case.heeds else "does not hear"


def _adapter(cell: LimitCell) -> str:
    if cell.is_home:
        return "here"
    return "finished on the pod, lost" if cell.case.ends else "none was finished"


def _faults(cells: Iterable[LimitCell]) -> str:
    names = dict.fromkeys(cell.case.fault for cell in cells)
    return "".join(f"- **{name}**: {FAULTS[name].what}.\n" for name in names if name != NOTHING)


def _paid(cell: LimitCell) -> str:
    refused = f" (all refused until {_time(cell.limit + cell.refused)})" if cell.refused else ""
    return f"{_time(cell.seconds)} of {_time(cell.limit)}{refused}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
