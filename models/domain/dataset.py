"""Datasets of the library: what the program knows about them; the rows themselves live in files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterable

IMPORT_SUFFIXES = (
    ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".psv", ".txt", ".text", ".md",
    ".markdown", ".parquet", ".arrow", ".feather", ".gz", ".bz2", ".xz", ".zip", ".db", ".sqlite",
    ".sqlite3",
)  # fmt: skip
"""The endings of files that can be imported; the content decides all the same."""

CHAT_FORMATS = (
    "messages", "sharegpt", "alpaca", "prompt_completion", "question_answer", "input_output",
)  # fmt: skip
"""Formats whose rows are conversations, so that each of them can be written as messages."""
MOST_WEIGHT = 100.0
"""So often can a merge repeat a dataset; more is a slip of the finger."""
TRAIN_SPLIT = "train"
HELD_OUT_SPLIT = "held_out"


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """A dataset that others were made of, as it was then; ``rows`` came from it."""

    name: str
    rows: int
    weight: float
    licence: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class MergePart:
    """What is merged: with weight 1 all rows once, with 2 each twice, with 0.5 half of them."""

    session_id: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class DatasetSession:
    """One imported dataset. ``sha256`` names its immutable JSONL file; sizes are in bytes.

    ``format`` is a DatasetFormat of the trainer, ``created_at`` seconds since the epoch,
    ``splits`` maps the values of the rows' own ``split`` column to how many rows have them.
    ``columns`` are those of the file that was imported, ``mapping`` says which of them played which
    part where their names did not, ``licence`` is empty where none is known. ``parts`` are the
    datasets that were merged into it; the column ``dataset`` of its rows names one of them.
    """

    id: int
    name: str
    source: str
    format: str
    rows: int
    size: int
    sha256: str
    created_at: float
    splits: tuple[tuple[str, int], ...] = ()
    licence: str = ""
    mapping: str = ""
    columns: tuple[str, ...] = ()
    parts: tuple[DatasetPart, ...] = ()

    @property
    def reference(self) -> str:
        """How a configuration names it: by its name, which is unique in a library.

        A name of digits alone would be taken for a number.
        """
        return str(self.id) if self.name.isdecimal() else self.name


@dataclass(frozen=True, slots=True)
class SavedConfig:
    """A named configuration's row in lists; the configuration itself is loaded on demand."""

    id: int
    name: str
    target: str
    updated_at: float


def merged_rows(rows: int, weight: float) -> int:
    """How many rows a merge takes of a dataset of ``rows``; at least one of a dataset with any.

    AppError("bad_use") where the weight is none.
    """
    if not (math.isfinite(weight) and 0 < weight <= MOST_WEIGHT):
        raise AppError(
            "bad_use",
            f"{weight:g} is no weight of a dataset.",
            f"Give a number above 0, and at most {MOST_WEIGHT:g}; 1 takes all rows once.",
        )
    whole = math.floor(weight)
    return max(min(rows, 1), whole * rows + round((weight - whole) * rows))


def merged_format(formats: Iterable[str]) -> str:
    """The format that rows of these formats have once they are merged.

    Conversations in different formats become messages. AppError("bad_use") where they do not go
    together.
    """
    found = sorted(set(formats))
    words = ", ".join(found).replace("_", " and ")
    if len(found) == 1:
        return found[0]
    if found and set(found) <= set(CHAT_FORMATS):
        return "messages"
    raise AppError(
        "bad_use",
        f"Datasets of these formats cannot be merged: {words or 'none'}.",
        "Answers to compare and plain text only go with their own kind; conversations go together.",
    )


def held_out_rows(total: int, percent: float | None, rows: int | None) -> int:
    """How many of ``total`` rows are to be held out, by share or by number.

    AppError("bad_use") where neither or both are given, or nothing would be left on a side.
    """
    if (percent is None) == (rows is None):
        raise AppError("bad_use", "Say how much to split off.", "Give a percentage or a number.")
    wanted = rows if rows is not None else round(total * _share(percent or 0.0))
    if percent is not None and total > 1:
        wanted = min(max(wanted, 1), total - 1)
    if not 0 < wanted < total:
        raise AppError(
            "bad_use",
            f"{wanted:,} of {total:,} rows cannot be split off.",
            "Both sides need at least one row.",
        )
    return wanted


def _share(percent: float) -> float:
    if not (math.isfinite(percent) and 0 < percent < 100):
        message = f"{percent:g} % is no share to hold out."
        raise AppError("bad_use", message, "Give more than 0 and less than 100.")
    return percent / 100


def matches(session: DatasetSession, words: str) -> bool:
    """Whether every one of these words is in the name, source, format or licence, or in a part."""
    parts = (text for part in session.parts for text in (part.name, part.source))
    texts = (session.name, session.source, session.format, session.licence, *parts)
    text = "\n".join(texts).casefold()
    return all(word in text for word in words.casefold().split())
