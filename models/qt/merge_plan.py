"""What comes of merging datasets, each with a weight, before anything is merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.dataset import MergePart, merged_format, merged_rows
from models.domain.errors import AppError
from models.qt.datasets_model import FORMAT_WORDS
from models.qt.wording import counted

if TYPE_CHECKING:
    from models.domain.dataset import DatasetSession

Weighted = tuple["DatasetSession", float | None]
"""A dataset and its weight; None is text that is no number."""


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What the user asks for."""

    weighted: tuple[Weighted, ...]
    name: str = ""
    seed: int = 0
    shuffle: bool = True

    @property
    def parts(self) -> tuple[MergePart, ...]:
        """The parts as the library takes them; only where there is no problem."""
        return tuple(
            MergePart(session.id, weight) for session, weight in self.weighted if weight is not None
        )

    @property
    def problem(self) -> str:
        """Why it cannot be merged like this; empty where it can."""
        try:
            merged_format(session.format for session, _ in self.weighted)
            for session, weight in self.weighted:
                if weight is None:
                    return f"Type a number as the weight of {session.name}."
                merged_rows(session.rows, weight)
        except AppError as error:
            return f"{error.message} {error.hint}"
        return "" if self.name.strip() else "Give it a name."

    @property
    def words(self) -> str:
        """What will come of it, or why nothing can."""
        if self.problem:
            return self.problem
        rows = sum(merged_rows(session.rows, weight or 0) for session, weight in self.weighted)
        formats = {session.format for session, _ in self.weighted}
        made = merged_format(formats)
        as_what = f" All become {FORMAT_WORDS[made].lower()}." if len(formats) > 1 else ""
        return f"{counted(rows, 'row')} from {len(self.weighted)} datasets.{as_what}"

    @property
    def licences(self) -> str:
        """The licences that meet; empty where all are the same."""
        named = (session.licence or "unknown" for session, _ in self.weighted)
        found = dict.fromkeys(one for licence in named for one in licence.split(" + "))
        return f"Licences: {' + '.join(found)}" if len(found) > 1 else ""


def rows_taken(session: DatasetSession, weight: float | None) -> str:
    """How many rows a part gives, for its line; a dash where the weight is none."""
    try:
        return "–" if weight is None else f"{merged_rows(session.rows, weight):,}"
    except AppError:
        return "–"
