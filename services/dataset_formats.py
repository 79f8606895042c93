"""Which format a set of rows has: decided over all rows, not the first ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer_image.contract import FORMAT_COLUMNS, DatasetFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN_PROBLEMS = 20


class FormatDetector:
    """Sees each row once, and keeps the formats that every row so far can be read as."""

    def __init__(self) -> None:
        self.rows = 0
        self.splits: dict[str, int] = {}
        self._counts: dict[DatasetFormat, int] = dict.fromkeys(FORMAT_COLUMNS, 0)
        self._first_misfit: dict[DatasetFormat, int] = {}
        self._columns: dict[str, None] = {}

    def see(self, line: int, row: Mapping[str, Any]) -> None:
        """Take one row of the user's file, found at ``line``, into account."""
        self.rows += 1
        if len(self._columns) <= _SHOWN_PROBLEMS:
            self._columns.update(dict.fromkeys(row))
        split = row.get("split")
        if isinstance(split, str):
            self.splits[split] = self.splits.get(split, 0) + 1
        for name in FORMAT_COLUMNS:
            if fits(name, row):
                self._counts[name] += 1
            else:
                self._first_misfit.setdefault(name, line)

    def result(self) -> DatasetFormat | None:
        """The first format, in the contract's order, that every row fits."""
        return next((name for name, count in self._counts.items() if count == self.rows), None)

    def misfits(self) -> str:
        """Why no format fits, in one sentence that names columns and a line."""
        best, count = max(self._counts.items(), key=lambda item: item[1])
        if count == 0:
            return f"The columns are {', '.join(self._columns)}, which is no known format."
        missing = self.rows - count
        wanted = " and ".join(FORMAT_COLUMNS[best])
        return (
            f"Most rows hold {wanted}, but {missing} of {self.rows} do not or are empty there; "
            f"the first is line {self._first_misfit[best]}."
        )


def fits(name: DatasetFormat, row: Mapping[str, Any]) -> bool:
    """Whether this row can be read in this format: columns there, of the right type, not empty."""
    values = [row.get(column) for column in FORMAT_COLUMNS[name]]
    if name in {DatasetFormat.MESSAGES, DatasetFormat.SHAREGPT}:
        return all(_is_conversation(value) for value in values)
    return all(isinstance(value, str) and value.strip() for value in values)


def known_formats() -> str:
    """All formats with their columns, for a message."""
    return "; ".join(f"{name} ({', '.join(cols)})" for name, cols in FORMAT_COLUMNS.items())


def _is_conversation(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) for turn in value)
