"""What the doctor finds: one check for each thing that a training stands on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

COMPUTER = "This computer"
GRAPHICS = "GPU"
CONTAINERS = "Docker"
PYTHON = "Python on this computer"
PROGRAM = "Temper"
NETWORK = "Network"
GROUPS = (COMPUTER, GRAPHICS, CONTAINERS, PYTHON, PROGRAM, NETWORK)
"""In the order in which they are shown."""

SET_UP_PYTHON = "set_up_python"
MANAGE_IMAGE = "manage_image"
OPEN_SETTINGS = "open_settings"
REMEDIES = {
    SET_UP_PYTHON: "Set it up",
    MANAGE_IMAGE: "Manage images…",
    OPEN_SETTINGS: "Open Settings",
}
"""What the program can do about a check by itself, with the words for a button."""


class CheckState(StrEnum):
    """How a check came out. ``note``: works, with less; ``fail``: something cannot work.

    ``waiting`` is only for one that has not been looked at yet.
    """

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at (``name``), how it is (``message``), why it matters
    (``meaning``), and what to do next, where there is something to do.

    ``remedy`` is a key of REMEDIES where the program can do that itself.
    """

    group: str
    name: str
    state: CheckState
    message: str
    meaning: str = ""
    next_step: str = ""
    remedy: str = ""

    @property
    def wants_attention(self) -> bool:
        """Whether there is something to read about it."""
        return self.state in {CheckState.NOTE, CheckState.FAIL}


def grouped(checks: Iterable[Check]) -> Iterator[tuple[str, tuple[Check, ...]]]:
    """The groups that have checks, in their order, each with its checks in theirs."""
    found = tuple(checks)
    for group in GROUPS:
        inside = tuple(check for check in found if check.group == group)
        if inside:
            yield group, inside


def worst_state(checks: Sequence[Check]) -> CheckState:
    """``fail`` where one failed, else ``note`` where one has something to say, else ``ok``."""
    states = {check.state for check in checks}
    return next((one for one in (CheckState.FAIL, CheckState.NOTE) if one in states), CheckState.OK)


def tally(checks: Iterable[Check]) -> str:
    """How many came out how: ``1 problem, 2 notes, 14 in order``."""
    count = Counter(check.state for check in checks)
    parts = (
        _counted(count[CheckState.FAIL], "problem", "problems"),
        _counted(count[CheckState.NOTE], "note", "notes"),
        f"{count[CheckState.OK]} in order",
    )
    return ", ".join(part for part in parts if part)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}" if count else ""
