"""What was found wrong in a file, gathered row by row in little memory."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from models.domain.data_report import Finding

MAJOR = "major"
MINOR = "minor"
DROP, FIX, MAP = "drop", "fix", "map"
MOST_PLACES = 20
"""Rows named for one finding, and different sentences kept for one code."""


_MOST_CHARACTERS = 400
"""Of a sentence: names in it are the file's, and may be of any length."""
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Would steer a terminal, turn the text around, or cannot be written at all."""


def shown(text: str) -> str:
    """A text of somebody's file or a file's name, fit for a sentence."""
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}\u2026"
    return _UNSHOWN.sub("\ufffd", text)


@dataclass(slots=True)
class _Entry:
    count: int = 0
    rows: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    remedy: str = ""
    can_drop: bool = False


class FindingBook:
    """Counts equal findings, and keeps the places of the first ones.

    ``is_refused`` says whether any of them forbids the import. With ``drops`` bad rows do not: they
    are left out, counted in ``dropped``.
    """

    def __init__(self, *, drops: bool = False) -> None:
        self.is_refused = False
        self.dropped = 0
        self._drops = drops
        self._entries: dict[tuple[str, str, str], _Entry] = {}
        self._sentences: dict[str, list[str]] = {}
        self._files: list[str] = []
        self._firsts: list[int] = []

    def begin(self, file: str, row: int) -> None:
        """From this row on it is one of several files that is read."""
        self._files.append(shown(file))
        self._firsts.append(row)

    def major(self, code: str, message: str, row: int = -1, line: int = 0, *, remedy: str) -> None:
        """Something that forbids the import; ``row`` from 0 and -1 for none, ``line`` from 1."""
        self.is_refused = True
        self._add(MAJOR, code, message, (row, line), remedy)

    def bad_row(self, code: str, message: str, row: int, line: int, *, remedy: str) -> None:
        """A row that forbids the import, unless bad rows are left out."""
        if not self._drops:
            self.is_refused = True
            self._add(MAJOR, code, message, (row, line), remedy, can_drop=True)
            return
        self.dropped += 1
        self._add(MINOR, code, f"Left out: {message}", (row, line), "")

    def bad_rows(self, code: str, message: str, places: list[tuple[int, int]], count: int) -> None:
        """The same of ``count`` rows, of which the first places are known."""
        for row, line in places:
            self.bad_row(code, message, row, line, remedy=DROP)
        if not self._drops and places:
            known = self._sentences[code]
            sentence = shown(message) if shown(message) in known else known[-1]
            self._entries[MAJOR, code, sentence].count += count - len(places)

    def minor(self, code: str, message: str, row: int = -1, line: int = 0) -> None:
        """Something to know, with which the file is imported."""
        self._add(MINOR, code, message, (row, line), "")

    def findings(self) -> tuple[Finding, ...]:
        """All of them, the major ones first, each by its first row."""
        found = [
            Finding(
                severity=severity,
                code=code,
                message=message,
                count=entry.count,
                rows=tuple(entry.rows),
                lines=tuple(entry.lines),
                remedy=entry.remedy,
                can_drop=entry.can_drop,
                files=self._files_of(entry.rows),
            )
            for (severity, code, message), entry in self._entries.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.severity != MAJOR, one.rows[:1] or (-1,))))

    def _files_of(self, rows: list[int]) -> tuple[str, ...]:
        if not self._files:
            return ()
        return tuple(self._files[bisect_right(self._firsts, row) - 1] for row in rows)

    def _add(
        self,
        severity: str,
        code: str,
        message: str,
        place: tuple[int, int],
        remedy: str,
        *,
        can_drop: bool = False,
    ) -> None:
        message = shown(message)
        sentences = self._sentences.setdefault(code, [])
        if message not in sentences:
            if len(sentences) < MOST_PLACES:
                sentences.append(message)
            else:
                message = sentences[-1]
        entry = self._entries.setdefault(
            (severity, code, message), _Entry(remedy=remedy, can_drop=can_drop)
        )
        entry.count += 1
        if place[0] >= 0 and len(entry.rows) < MOST_PLACES:
            entry.rows.append(place[0])
            entry.lines.append(place[1])
