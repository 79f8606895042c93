"""One new file of rows, with what is told of them in the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.dataset_import.batches import CHARACTERS_AT_ONCE, ROWS_AT_ONCE
from services.dataset_import.writer import RowWriter

_MOST_VALUES = 200
"""Splits, columns and datasets that are counted; a column of more values names something else."""


class Output:
    """Gathers rows, and counts their splits and the datasets that they come from."""

    def __init__(self, data: str, index: str) -> None:
        self.rows = 0
        self._writer = RowWriter(Path(data), Path(index))
        self._lines: list[bytes] = []
        self._size = 0
        self._columns: dict[str, None] = {}
        self._counts: dict[str, dict[str, int]] = {"split": {}, "dataset": {}}

    def add(self, line: bytes, row: dict[str, Any]) -> None:
        """Append a row: its line, without an end, and what that says."""
        self._lines.append(line)
        self._size += len(line)
        self.rows += 1
        if not self._columns.keys() >= row.keys() and len(self._columns) < _MOST_VALUES:
            self._columns.update(dict.fromkeys(row))
        for column, counts in self._counts.items():
            if column in row:
                _count(row[column], counts)
        if len(self._lines) >= ROWS_AT_ONCE or self._size >= CHARACTERS_AT_ONCE:
            self._flush()

    def close(self) -> dict[str, Any]:
        """Bring it to the disk, and say what was written."""
        self._flush()
        self._writer.close()
        return {
            "sha256": self._writer.sha256,
            "rows": self._writer.rows,
            "size": self._writer.size,
            "columns": list(self._columns),
            "splits": sorted(self._counts["split"].items()),
            "datasets": self._counts["dataset"],
        }

    def discard(self) -> None:
        """Remove it."""
        self._writer.discard()

    def _flush(self) -> None:
        self._writer.write(self._lines)
        self._lines, self._size = [], 0


def _count(value: Any, counts: dict[str, int]) -> None:
    if isinstance(value, str) and (value in counts or len(counts) < _MOST_VALUES):
        counts[value] = counts.get(value, 0) + 1
