"""What comes of holding a part of a dataset out, before anything is split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.dataset import held_out_rows
from models.domain.errors import AppError
from models.qt.wording import counted

if TYPE_CHECKING:
    from models.domain.dataset import DatasetSession

PERCENT, ROWS = "percent", "rows"


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What the user asks for: ``amount`` of the ``unit``, as one dataset with a named split or as
    two datasets. An amount of None is text that is no number.
    """

    session: DatasetSession
    amount: float | None
    unit: str = PERCENT
    as_split: bool = True
    seed: int = 0

    @property
    def percent(self) -> float | None:
        """The share, where that is what was asked for."""
        return self.amount if self.unit == PERCENT else None

    @property
    def rows(self) -> int | None:
        """The number of rows, where that is what was asked for."""
        return int(self.amount) if self.unit == ROWS and self.amount is not None else None

    @property
    def problem(self) -> str:
        """Why it cannot be split like this; empty where it can."""
        return self._held_out()[1]

    @property
    def words(self) -> str:
        """What will come of it, or why nothing can."""
        held_out, problem = self._held_out()
        if problem:
            return problem
        rest = self.session.rows - held_out
        return (
            f"About {counted(rest, 'row')} to train on and {held_out:,} held out. "
            "Rows that say the same stay on one side."
        )

    def _held_out(self) -> tuple[int, str]:
        if self.amount is None or (self.unit == ROWS and self.amount != int(self.amount)):
            return 0, "Type a number."
        try:
            return held_out_rows(self.session.rows, self.percent, self.rows), ""
        except AppError as error:
            return 0, f"{error.message} {error.hint}"
