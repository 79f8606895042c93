"""Configurations of other training programs: what was taken over, and what has no counterpart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.config import TrainingConfig


class Program(StrEnum):
    """A program whose configurations are read and written; the value is its word for commands."""

    LLAMA_FACTORY = "llama-factory"
    AXOLOTL = "axolotl"
    UNSLOTH = "unsloth"

    @property
    def label(self) -> str:
        """The name as its makers write it."""
        return _TITLES[self]


_TITLES = {
    Program.LLAMA_FACTORY: "LLaMA-Factory",
    Program.AXOLOTL: "Axolotl",
    Program.UNSLOTH: "Unsloth Studio",
}


class Fate(Enum):
    """What became of a setting on its way, the most important first; the value is its heading."""

    WITHHELD = "Not read: tokens and passwords"
    LOST = "No counterpart"
    CHANGED = "Translated"
    UNNEEDED = "Not needed"


@dataclass(frozen=True, slots=True)
class ForeignNote:
    """One setting that could not simply be copied.

    ``value`` is how it stood, never of a secret; ``line`` counts from 1 in the file that was read,
    0 where it is not in a file.
    """

    field: str
    value: str
    fate: Fate
    text: str
    line: int = 0

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        shown = f" ({self.value})" if self.value else ""
        return f"{place}{self.field}{shown}: {self.text}"


@dataclass(frozen=True, slots=True)
class ImportedConfig:
    """A configuration as it was read from a file.

    ``program`` is None for one of ours; ``taken`` counts the settings of the file that were used.
    """

    config: TrainingConfig
    program: Program | None = None
    taken: int = 0
    notes: tuple[ForeignNote, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedConfig:
    """A configuration as another program reads it, and what it cannot be told."""

    program: Program
    text: str
    notes: tuple[ForeignNote, ...] = ()


def grouped(notes: Sequence[ForeignNote]) -> list[tuple[str, list[ForeignNote]]]:
    """The notes under their headings, the most important first, in the order of the file."""
    groups = ((fate, [note for note in notes if note.fate is fate]) for fate in Fate)
    return [
        (fate.value, sorted(found, key=lambda note: note.line)) for fate, found in groups if found
    ]


def defaults_note(program: Program) -> str:
    """Where the settings come from that the file did not hold."""
    if program is Program.UNSLOTH:
        return "What the file does not say stays at Unsloth's or Temper's default."
    return f"What the file does not say has {program.label}'s own default."


def summary(imported: ImportedConfig) -> str:
    """How an import went, in a sentence or two."""
    lost = sum(note.fate is Fate.LOST for note in imported.notes)
    title = imported.program.label if imported.program else "Temper"
    taken = "1 setting is" if imported.taken == 1 else f"{imported.taken} settings are"
    text = f"{taken} taken over from {title}."
    if lost:
        have = "1 setting has" if lost == 1 else f"{lost} settings have"
        text += f" {have} no counterpart here."
    return text
