"""Which of a file's columns plays which part in training, where its names do not say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from trainer_image.row_formats import FORMAT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROW_FORMATS: dict[str, tuple[str, ...]] = {str(name): need for name, need in FORMAT_COLUMNS.items()}
"""The columns that each format needs; raw text last, since most rows have some other text too."""
OPTIONAL_ROLES = ("system", "input", "prompt", "tools", "split")
"""Used where they are there: Alpaca's ``input``, the ``prompt`` of a preference pair."""

_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "messages": ("message", "chat", "dialog", "dialogue", "conversation", "turns"),
    "conversations": ("conversation",),
    "question": ("questions", "query", "q", "user", "human", "frage", "problem"),
    "answer": ("answers", "response", "reply", "a", "assistant", "bot", "antwort", "solution"),
    "instruction": ("task", "instructions"),
    "output": ("response", "result", "completion", "answer"),
    "prompt": ("prompts", "input", "source"),
    "completion": ("completions", "response", "output", "target"),
    "input_text": ("input", "inputs", "source", "source_text"),
    "output_text": ("output", "outputs", "target", "target_text"),
    "chosen": ("accepted", "preferred", "winner"),
    "rejected": ("dispreferred", "loser"),
    "label": ("is_good", "good", "liked", "desirable", "kto_tag", "thumbs_up"),
    "text": ("content", "body", "document", "passage"),
}
"""Common names of the same thing; only ever proposed, except where upper case is the difference."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Roles and the source columns that play them: ``(("question", "Frage"), ...)``."""

    columns: tuple[tuple[str, str], ...]

    @property
    def format(self) -> str:
        """The format that rows have once they are mapped; empty where a needed role is missing."""
        roles = {role for role, _ in self.columns}
        return next((name for name, need in ROW_FORMATS.items() if roles.issuperset(need)), "")

    def apply(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with its roles as column names; a row's own ``split`` is kept."""
        mapped = {role: row.get(source) for role, source in self.columns}
        if "split" in row:
            mapped.setdefault("split", row["split"])
        return mapped

    def as_text(self) -> str:
        """As :func:`parse_mapping` reads it, for lists and reports."""
        return ", ".join(f"{role}={source}" for role, source in self.columns)


def parse_mapping(texts: Iterable[str]) -> ColumnMapping | None:
    """``role=column`` several times, as the command line has it; None where nothing is given.

    AppError("bad_use") names a role that there is not, or what else is needed.
    """
    pairs = [_pair(text) for text in texts]
    if not pairs:
        return None
    roles = [role for role, _ in pairs]
    if len(set(roles)) < len(roles):
        raise AppError("bad_use", "A role is mapped twice.", "Give each role one column.")
    mapping = ColumnMapping(tuple(pairs))
    if not mapping.format:
        raise AppError(
            "bad_use",
            f"{mapping.as_text()} is not enough to learn from.",
            f"Map {known_formats()}.",
        )
    return mapping


def propose(columns: Iterable[str]) -> list[ColumnMapping]:
    """Mappings that these names suggest, the likeliest first; empty where none does."""
    by_key = {_key(name): name for name in columns}
    found = []
    for need in ROW_FORMATS.values():
        pairs = [(role, _source(role, by_key)) for role in need]
        sources = [source for _, source in pairs]
        if all(sources) and len(set(sources)) == len(sources):
            optional = [(role, by_key.get(role, "")) for role in OPTIONAL_ROLES if role not in need]
            extra = [pair for pair in optional if pair[1] and pair[1] not in sources]
            found.append(ColumnMapping(tuple(pairs + extra)))
    return found


def suggest(role: str, columns: Iterable[str]) -> str:
    """The column whose name suggests that it plays this part; empty where none does."""
    return _source(role, {_key(name): name for name in columns})


def only_spelling(columns: Iterable[str]) -> ColumnMapping | None:
    """The mapping that is certain: known names but for capitals, blanks, hyphens."""
    by_key = {_key(name): name for name in columns}
    for need in ROW_FORMATS.values():
        if all(role in by_key for role in need):
            roles = [*need, *(role for role in OPTIONAL_ROLES if role not in need)]
            return ColumnMapping(tuple((role, by_key[role]) for role in roles if role in by_key))
    return None


def known_formats() -> str:
    """All formats with their columns, for a message."""
    return "; ".join(f"{', '.join(need)} ({name})" for name, need in ROW_FORMATS.items())


def _pair(text: str) -> tuple[str, str]:
    role, equals, source = text.partition("=")
    role = role.strip()
    if not equals or not source:
        raise AppError("bad_use", f"{text!r} is no mapping.", "Write role=column.")
    known = {name for need in ROW_FORMATS.values() for name in need}.union(OPTIONAL_ROLES)
    if role not in known:
        raise AppError("bad_use", f"There is no role {role!r}.", f"Use {', '.join(sorted(known))}.")
    return role, source


def _source(role: str, by_key: Mapping[str, str]) -> str:
    names = (role, *_OTHER_NAMES.get(role, ()))
    return next((by_key[name] for name in names if name in by_key), "")


_BLANKS = " \t\r\n\u00a0\ufeff\u200b\u2060"
"""Also those without a width, which programs leave at names."""


def _key(name: str) -> str:
    return name.strip(_BLANKS).lower().replace(" ", "_").replace("-", "_")
