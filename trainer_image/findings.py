"""What is wrong with the rows of a dataset, counted, with the places of the first ones."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer_image.row_looks import Note

MAJOR, MINOR = "major", "minor"
MOST_PLACES = 20
"""Rows named for one finding, and different sentences kept for one code."""

Place = tuple[int, int]
"""A row's number from 0, and its line from 1."""
_NOWHERE: Place = (-1, 0)

_REFUSALS = (
    ("not UTF-8", "not_utf8", "fix"),
    ("not valid JSON (", "not_json", "fix"),
    ("not a JSON object", "not_json", "fix"),
    ("no value for", "missing_value", "map"),
    ("no answer of the assistant", "no_answer", "drop"),
    ("an empty answer", "empty_answer", "drop"),
    ("cannot be told", "template_refuses", "unmask"),
    ("which is a control token", "control_token", "fix"),
    ("chat template", "template_refuses", "drop"),
)
"""Part of a refusal's sentence, its code and what to do."""


@dataclass
class _Entry:
    count: int = 0
    places: list[Place] = field(default_factory=list)
    remedy: str = ""


class Findings:
    """Equal findings are one."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], _Entry] = {}
        self._sentences: dict[str, set[str]] = {}
        self._rows: dict[str, array[int]] = {}

    def minor(self, notes: Iterable[Note], place: Place) -> None:
        """Things to know, with which a row can be learnt from."""
        for code, sentence in notes:
            remedy = "lengthen" if code == "truncated" else ""
            self._add((MINOR, code, sentence), place, remedy)

    def refused(self, reason: str, place: Place) -> None:
        """A row that cannot be learnt from: a training would refuse to start."""
        found = (one for one in _REFUSALS if one[0] in reason)
        _part, code, remedy = next(found, ("", "bad_row", "fix"))
        sentence = re.sub(r" at message \d+| message \d+", "", reason)
        self._add((MAJOR, code, sentence[:1].upper() + sentence[1:]), place, remedy)

    def without_answer(self, place: Place, limit: int, *, is_long: bool) -> None:
        """A row of which nothing would be learnt."""
        why = (
            f"no part of the answer lies within {limit:,} tokens"
            if is_long
            else "nothing is marked"
        )
        remedy = "lengthen" if is_long else "drop"
        self._add((MAJOR, "nothing_learnt", f"Nothing of it is learnt: {why}."), place, remedy)

    def no_end(self, place: Place) -> None:
        """A row from which a model would not learn to stop."""
        sentence = "The end of the turn is not learnt, so the model would not learn to stop."
        self._add((MAJOR, "no_end_of_turn", sentence), place, "fix")

    def double_bos(self, place: Place) -> None:
        """A text with two beginnings."""
        sentence = "It begins with two beginning tokens, as no text did that the model has seen."
        self._add((MAJOR, "double_bos", sentence), place, "fix")

    def repeated(self, place: Place) -> None:
        """A row that says what another says."""
        self._add((MINOR, "duplicate", "It says exactly what an earlier row says."), place, "drop")

    def nearly_repeated(self, place: Place) -> None:
        """A row that hardly differs from another."""
        sentence = "It hardly differs from an earlier row."
        self._add((MINOR, "near_duplicate", sentence), place, "drop")

    def overlap(self, place: Place) -> None:
        """A held-out row that is learnt in another row."""
        sentence = (
            "It is held out for evaluation, but a row that is trained on says the same: the "
            "evaluation will look better than it is."
        )
        self._add((MINOR, "overlap", sentence), place, "drop")

    def whole(self, code: str, sentence: str) -> None:
        """Something that is wrong with the dataset as a whole."""
        self._add((MAJOR, code, sentence), _NOWHERE, "")

    def faulty(self) -> dict[str, list[int]]:
        """All rows of each code, as numbers in pairs: from which row on, and how many."""
        return {code: _runs(rows) for code, rows in self._rows.items() if rows}

    def as_values(self, rows: int) -> list[dict[str, Any]]:
        """The major ones first, each by its first row."""
        if not rows:
            self.whole("empty", "The dataset has no rows.")
        found = [
            {
                "severity": severity,
                "code": code,
                "message": message,
                "count": entry.count,
                "rows": [row for row, _line in entry.places if row >= 0],
                "lines": [line for row, line in entry.places if row >= 0],
                "remedy": entry.remedy,
            }
            for (severity, code, message), entry in self._entries.items()
        ]
        return sorted(found, key=lambda one: (one["severity"] != MAJOR, one["rows"][:1] or [-1]))

    def _add(self, key: tuple[str, str, str], place: Place, remedy: str) -> None:
        severity, code, sentence = key
        known = self._sentences.setdefault(code, set())
        if sentence not in known and len(known) == MOST_PLACES:
            key = (severity, code, "Others of the same kind.")
        else:
            known.add(sentence)
        entry = self._entries.setdefault(key, _Entry(remedy=remedy))
        entry.count += 1
        if place[0] >= 0:
            self._rows.setdefault(code, array("I")).append(place[0])
        if len(entry.places) < MOST_PLACES:
            entry.places.append(place)


def _runs(rows: Iterable[int]) -> list[int]:
    runs: list[int] = []
    for row in sorted(set(rows)):
        if runs and runs[-2] + runs[-1] == row:
            runs[-1] += 1
        else:
            runs += [row, 1]
    return runs
