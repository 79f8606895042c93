"""A doctor that finds what a test says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.doctor import Check, CheckState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.progress import CancelToken


@dataclass
class FakeDoctor:
    """Finds ``found``; ``hold`` is called once half of it is told."""

    found: tuple[Check, ...] = (
        Check("This computer", "Memory", CheckState.OK, "12 GB free", "Rows lie in it."),
    )
    hold: Callable[[], None] | None = None
    looked: int = 0

    def checks(
        self,
        report: Callable[[tuple[Check, ...]], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[Check, ...]:
        self.looked += 1
        half = len(self.found) // 2
        waiting = (replace(one, state=CheckState.WAITING) for one in self.found[half:])
        if report is not None:
            report((*self.found[:half], *waiting))
        if self.hold is not None:
            self.hold()
        if cancel is not None:
            cancel.raise_if_cancelled()
        return self.found

    def report(self, checks: Sequence[Check]) -> str:
        return "\n".join(f"{check.name}: {check.message}" for check in checks)
