"""Pick the rows of the dataset: without repeats, split into training and held-out, shuffled.

The held-out loss says something only if the held-out answers are not in the training rows under
another name (``bytes.upper()`` for ``str.upper()``), so both steps compare all answers.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

HELD_OUT = 48
FEWEST_WORDS, MOST_WORDS = 15, 70
ALIKE = 0.6  # two answers that share this part of their words count as one
AKIN = 0.4  # a held-out answer is less like any other than this


class Row(NamedTuple):
    """One question with its answer; the kind only serves to spread the held-out rows."""

    kind: str
    question: str
    answer: str
    source: str


def number(text: str) -> int:
    """Give a text a fixed number that looks random: the key of every choice made here."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def likeness(one: str, other: str) -> float:
    """Say which part of their words two answers share, from 0 to 1."""
    words, others = (set(re.findall(r"\w+", text.lower())) for text in (one, other))
    return len(words & others) / len(words | others)


def distinct(rows: Iterable[Row]) -> list[Row]:
    """Keep the first of rows with the same question or nearly the same answer."""
    kept: dict[str, Row] = {}
    for row in rows:
        fits = FEWEST_WORDS <= len(row.answer.split()) <= MOST_WORDS
        if not fits or row.question in kept:
            continue
        if all(likeness(row.answer, other.answer) <= ALIKE for other in kept.values()):
            kept[row.question] = row
    return list(kept.values())


def held_out(rows: list[Row]) -> set[str]:
    """Choose questions spread over the kinds, whose answers are like no other answer."""
    ordered = sorted(rows, key=lambda row: (row.kind, number(row.question)))
    single = [
        row
        for row in ordered
        if all(likeness(row.answer, other.answer) < AKIN for other in rows if other is not row)
    ]
    return {single[at * len(single) // HELD_OUT].question for at in range(HELD_OUT)}


def closing(source: str) -> str:
    """Say where to read on. Every answer ends so: the style a tuned model shows at a glance."""
    return f"See `{source.split('.rst')[0]}` in the Python documentation."


def records(rows: list[Row]) -> list[dict[str, str]]:
    """Give each row its split, and shuffle the rows by the hash of their questions."""
    apart = held_out(rows)
    return [
        {
            "question": row.question,
            "answer": f"{row.answer} {closing(row.source)}",
            "split": "held_out" if row.question in apart else "train",
            "source": row.source,
        }
        for row in sorted(rows, key=lambda row: number(row.question))
    ]
