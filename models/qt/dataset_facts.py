"""What is known of a dataset, as pairs of a label and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.qt.datasets_model import FORMAT_WORDS, source_words
from models.qt.wording import counted, size, when

if TYPE_CHECKING:
    from models.domain.dataset import DatasetPart, DatasetSession

_MOST_SPLITS = 6


def facts(session: DatasetSession) -> tuple[tuple[str, str], ...]:
    """Label and words of everything that is known; what is not known is left out."""
    found = (
        ("Source", source_words(session)),
        ("Added", when(session.created_at)),
        ("Size", f"{counted(session.rows, 'row')}, {size(session.size)}"),
        ("Format", FORMAT_WORDS.get(session.format, session.format)),
        ("Licence", session.licence or "not known"),
        ("Splits", _splits(session)),
        ("Columns", _columns(session)),
    )
    return tuple((label, words) for label, words in found if words)


def _splits(session: DatasetSession) -> str:
    shown = [f"{name} ({rows:,})" for name, rows in session.splits[:_MOST_SPLITS]]
    more = len(session.splits) - _MOST_SPLITS
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _columns(session: DatasetSession) -> str:
    """Which column of the file played which part, where that had to be said."""
    pairs = [pair.partition("=") for pair in session.mapping.split(", ") if "=" in pair]
    return ", ".join(f"{source} → {role}" for role, _, source in pairs)


def made_of(session: DatasetSession) -> str:
    """What was merged into a dataset, part by part; empty where nothing was."""
    parts = [_part(part) for part in session.parts]
    return f"Made of {'; '.join(parts)}" if parts else ""


def _part(part: DatasetPart) -> str:
    weight = "" if part.weight == 1 else f" with weight {part.weight:g}"
    known = [counted(part.rows, "row"), part.licence or "licence not known"]
    return f"{part.name}{weight} ({', '.join(known)})"
