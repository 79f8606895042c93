"""Which format all rows have: decided over every row, and each row checked in its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from models.domain.column_mapping import ROW_FORMATS, only_spelling
from services.dataset_import.findings import DROP, MAP, MOST_PLACES
from services.dataset_import.row_checks import all_plain, check_row, is_plain, look_closely
from trainer_image.conversations import says_good_or_bad

if TYPE_CHECKING:
    from models.domain.column_mapping import ColumnMapping
    from services.dataset_import.batches import Batch, Intake, Row
    from services.dataset_import.conversation_checks import Verdict

_MOST_PLANS = 2000
"""Different sets of columns that are remembered; a file of more is no table."""
_MOST_COLUMNS = 2000
_LONGEST_NAME = 500
_MOST_NAMES = 500_000
"""Of columns in all plans together, which bounds their memory."""
_MOST_SPLITS = 200
"""Counted; a column of more different values names something else."""
_SAMPLES, _OF_A_KIND = 5, 3
"""Rows shown to whoever says what the columns are: one of each kind, some of an unknown one."""
_NULLS = "\0"
"""Stands between a row's filled columns and all of them; no column has this name."""


@dataclass(slots=True)
class _Plan:
    """What is done with the rows that have these columns; ``formats`` are all that they can be."""

    formats: tuple[str, ...]
    columns: tuple[str, ...]
    mapping: ColumnMapping | None = None
    has_split: bool = False
    count: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)


class Detector:
    """Sees each row once. ``wanted`` is the format where it is known already."""

    def __init__(self, intake: Intake, mapping: ColumnMapping | None, wanted: str) -> None:
        self.columns: dict[str, None] = {}
        self.samples: list[Row] = []
        self.is_spelled_otherwise = False
        self._intake = intake
        self._mapping = mapping
        self._wanted = wanted
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._names = 0

    def take_all(self, batch: Batch) -> bool:
        """Whether a whole batch is as rows should be, and can be stored as it is; then it is
        counted. Else nothing was done."""
        if batch.needs_a_look or not batch.rows:
            return False
        keys = set(map(tuple, batch.rows))
        if len(keys) > 1:
            return False
        plan = self._plans.get(next(iter(keys)))
        if plan is None or not plan.formats or plan.mapping is not None:
            return False
        if len(plan.places) < MOST_PLACES or not all_plain(batch.rows, plan.formats[0]):
            return False
        plan.count += len(batch.rows)
        if plan.has_split:
            for row in batch.rows:
                self._count_split(row)
        return True

    def lines_of(self, batch: Batch, split: str = "") -> list[bytes]:
        """The good rows of a batch as lines of JSON; the others go into the book."""
        lines: list[bytes] = []
        raws = batch.raw
        for index, row in enumerate(batch.rows):
            plan = self._plan(row, batch, index)
            format_ = plan.formats[0] if plan.formats else ""
            is_direct = plan.mapping is None and not split and not batch.needs_a_look
            if format_ and is_direct and is_plain(row, format_):
                lines.append(orjson.dumps(row) if raws is None else raws[index])
                if plan.has_split:
                    self._count_split(row)
                continue
            line = self._slow(row, plan, (batch.numbers[index], batch.lines[index]), split)
            if line is not None:
                same = raws is not None and line is _AS_IT_IS
                lines.append(raws[index] if same and raws else line or orjson.dumps(row))
        return lines

    def format(self) -> str:
        """The one format that was used for every row; empty where there is none."""
        used = {plan.formats[:1] for plan in self._plans.values() if plan.count}
        return next(iter(used))[0] if len(used) == 1 and () not in used else ""

    def common(self) -> str:
        """A format that all rows can be read in, although some have columns of another too."""
        counted = [plan for plan in self._plans.values() if plan.count]
        shared = [name for name in ROW_FORMATS if all(name in plan.formats for plan in counted)]
        return shared[0] if shared and counted else ""

    def most(self) -> str:
        """The format of most rows; empty where no row has any."""
        counts: dict[str, int] = {}
        for plan in self._plans.values():
            if plan.formats:
                counts[plan.formats[0]] = counts.get(plan.formats[0], 0) + plan.count
        return max(counts, key=lambda name: counts[name]) if counts else ""

    def tell_misfits(self) -> None:
        """Put the rows that are not in the format of most into the book, or that none is known."""
        most, book = self.most(), self._intake.book
        if not self._plans:  # no row could be read at all, which is told already
            return
        if not most:
            names = ", ".join(list(self.columns)[:MOST_PLACES])
            are = f"are {names}" if names or not any(self.samples) else "have very long names"
            message = f"The columns {are}; no known format has these."
            book.major("unknown_columns", message, remedy=MAP)
            return
        for plan in self._plans.values():
            if plan.formats[:1] != (most,):
                message = misfit(plan.columns, most)
                book.bad_rows("other_format", message, plan.places, plan.count)

    def tell_missing(self) -> None:
        """Put columns into the book that the mapping names and no row has."""
        if self._mapping is None or not self.columns or len(self.columns) == _MOST_COLUMNS:
            return
        for _role, source in self._mapping.columns:
            if source not in self.columns:
                names = ", ".join(list(self.columns)[:MOST_PLACES])
                message = f"No row has a column {source!r}; there are {names}."
                self._intake.book.major("missing_column", message, remedy=MAP)

    def _plan(self, row: Row, batch: Batch, index: int) -> _Plan:
        key = tuple(row)
        if None in row.values():
            filled = (name for name, value in row.items() if value is not None)
            key = (*filled, _NULLS, *key)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._new_plan(key, row)
        elif not plan.formats and plan.count < _OF_A_KIND and len(self.samples) < _SAMPLES:
            self.samples.append(row)
        plan.count += 1
        if len(plan.places) < MOST_PLACES:
            plan.places.append((batch.numbers[index], batch.lines[index]))
        return plan

    def _new_plan(self, key: tuple[str, ...], row: Row) -> _Plan:
        for name in row:
            if len(self.columns) < _MOST_COLUMNS and len(name) <= _LONGEST_NAME:
                self.columns[name] = None
        if len(self.samples) < _SAMPLES:
            self.samples.append(row)
        plan = self._planned(key, row)
        self._names += len(key)
        if len(self._plans) < _MOST_PLANS and self._names < _MOST_NAMES:
            self._plans[key] = plan
            return plan
        # A file of ever new columns: those that are read alike are counted as one.
        return self._plans.setdefault((_NULLS, *plan.formats, str(plan.mapping)), plan)

    def _planned(self, key: tuple[str, ...], row: Row) -> _Plan:
        filled, has_split = key[: key.index(_NULLS)] if _NULLS in key else key, "split" in row
        if self._mapping is not None:
            return _Plan((self._mapping.format,), filled, self._mapping, has_split)
        formats = formats_of(filled, row)
        if not formats or (self._wanted and self._wanted not in formats):
            formats = formats_of(tuple(row), row) or formats
        if formats:
            if self._wanted:
                others = (name for name in formats if name != self._wanted)
                formats = (self._wanted, *others) if self._wanted in formats else ()
            return _Plan(formats, filled, None, has_split)
        spelled = only_spelling(tuple(row))
        if spelled is not None and self._wanted in {"", spelled.format}:
            self.is_spelled_otherwise = True
            return _Plan((spelled.format,), filled, spelled, "split" in dict(spelled.columns))
        return _Plan((), filled, None, has_split)

    def _slow(self, row: Row, plan: _Plan, place: tuple[int, int], split: str) -> bytes | None:
        """The line to store, _AS_IT_IS where nothing changed, None for a row that is refused."""
        if not plan.formats:
            if self._wanted:
                message = misfit(plan.columns, self._wanted)
                self._intake.book.bad_row("other_format", message, *place, remedy=DROP)
            return None
        before = row
        if plan.mapping is not None:
            row = plan.mapping.apply(row)
        row, verdict = check_row(row, plan.formats[0])
        look_closely(row, verdict)
        if split and "split" not in row:
            row = {**row, "split": split}
        if not self._take(verdict, place):
            return None
        self._count_split(row)
        return _AS_IT_IS if row is before else orjson.dumps(row)

    def _take(self, verdict: Verdict, place: tuple[int, int]) -> bool:
        for code, message, remedy in verdict.problems[:1]:
            self._intake.book.bad_row(code, message, *place, remedy=remedy)
        if verdict.problems:
            return False
        for code, message in verdict.notes:
            self._intake.book.minor(code, message, *place)
        return True

    def _count_split(self, row: Row) -> None:
        name: Any = row.get("split")
        if isinstance(name, str):
            splits = self._intake.splits
            if name in splits or len(splits) < _MOST_SPLITS:
                splits[name] = splits.get(name, 0) + 1


_AS_IT_IS = b""
"""Said of a row that is stored as it was read."""


def formats_of(columns: tuple[str, ...], row: Row | None = None) -> tuple[str, ...]:
    """All formats that need no other columns than these. The ``label`` of a ``row`` that is known
    counts only where it says good or bad: in other tables it is a class."""
    present = set(columns)
    if row is not None and not says_good_or_bad(row):
        present.discard("label")
    return tuple(name for name, need in ROW_FORMATS.items() if present.issuperset(need))


def misfit(columns: tuple[str, ...], wanted: str) -> str:
    """Why a row with these columns is not of the wanted format."""
    missing = [name for name in ROW_FORMATS[wanted] if name not in columns]
    others = formats_of(columns)
    if others:
        return f"It has the columns of {others[0]}, most rows have those of {wanted}."
    names = " and ".join(missing) or "nothing"
    return f"It has no {names}, which most rows have."
