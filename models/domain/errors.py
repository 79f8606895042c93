"""Errors a person can act on: what is wrong, where, and what to do next."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


OUTPUT_BUSY = "output_busy"
OUTPUT_QUESTIONS = frozenset({"output_exists", OUTPUT_BUSY})
"""Kinds of which the user may be asked for another output directory: it holds something, or it is
that of a run that trains or waits."""


class AppError(Exception):
    """A known failure of the user's environment or input, never a bug of ours.

    ``kind`` is a stable word for programs (``not_found``, ``disk_full``, ``bad_config`` ...),
    ``message`` one sentence that says what is wrong and where, ``hint`` one that says what to do
    next, ``details`` whatever a report should also carry (a tool's own output).
    """

    def __init__(self, kind: str, message: str, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@dataclass(frozen=True, slots=True)
class Fix:
    """A button beside a problem: its label, and the settings that it changes, by path, or in
    ``does`` what it asks the window for (a word of :mod:`models.domain.start_fixes`)."""

    label: str
    values: tuple[tuple[str, object], ...] = ()
    does: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field: the field's path, its value as text, and the remedy.

    ``line`` counts from 1 in the file that the value was read from; 0 where there is none. ``fix``
    is what the program can do about it by itself.
    """

    field: str
    value: str
    message: str
    remedy: str = ""
    line: int = 0
    fix: Fix | None = dataclasses.field(default=None, compare=False)

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        shown = f" (now: {self.value})" if self.value else ""
        return f"{place}{self.field}: {self.message}{shown} {self.remedy}".strip()


class ConfigError(AppError):
    """A configuration that cannot be used, with every problem found, not only the first.

    ``where`` names the file that it was read from, if it was.
    """

    def __init__(self, problems: Sequence[Problem], where: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        what = "1 setting needs" if count == 1 else f"{count} settings need"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        place = f"{where}: " if where else ""
        super().__init__("bad_config", f"{place}{what} attention:\n{lines}")
