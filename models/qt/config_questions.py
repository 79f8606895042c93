"""What has to be asked about configurations before anything is lost; payloads of signals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from models.domain.config_io import settings_index
from models.domain.foreign_config import defaults_note, summary

if TYPE_CHECKING:
    from models.domain.dataset import SavedConfig
    from models.domain.errors import AppError
    from models.domain.foreign_config import ExportedConfig, ForeignNote, ImportedConfig


class Step(Enum):
    """What comes after the changes are given up."""

    LOAD = "load"
    NEW = "new"
    IMPORT = "import"
    RUN = "run"
    USE = "use"


@dataclass(frozen=True, slots=True)
class DiscardQuestion:
    """Changes to the form would be lost. ``subject`` is whatever the step needs."""

    title: str
    text: str
    step: Step
    subject: object = None


RELOAD, REPLACE, SAVE_AGAIN, OTHER_NAME = "reload", "replace", "again", "name"


@dataclass(frozen=True, slots=True)
class SaveConflict:
    """Saving under ``name`` would undo what somebody else did.

    ``seen`` is the configuration as it was read here; ``error`` says what became of it:
    ``changed_elsewhere``, ``deleted_elsewhere`` or, where a name is no longer free, ``name_taken``.
    """

    error: AppError
    name: str
    seen: SavedConfig | None = None

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """Words and labels of what can be done; the first loses nothing of the user's own."""
        other = (OTHER_NAME, "Use another name…")
        if self.error.kind == "changed_elsewhere":
            return (other, (RELOAD, "Reload it"), (REPLACE, "Replace it"))
        if self.error.kind == "deleted_elsewhere":
            return ((SAVE_AGAIN, "Save it again"), other)
        return (other, (REPLACE, "Replace it"))


@dataclass(frozen=True, slots=True)
class ForeignImport:
    """A configuration of another program that may be imported under ``name``."""

    name: str
    imported: ImportedConfig

    @property
    def is_question(self) -> bool:
        """It is not imported as yet."""
        return True

    @property
    def title(self) -> str:
        """What is asked."""
        program = self.imported.program
        return f"Import “{self.name}” from {program.label if program else 'Temper'}?"

    @property
    def text(self) -> str:
        """How much of it was taken over."""
        program = self.imported.program
        return f"{summary(self.imported)} {defaults_note(program) if program else ''}".strip()

    @property
    def notes(self) -> tuple[ForeignNote, ...]:
        """What could not simply be copied."""
        return self.imported.notes


@dataclass(frozen=True, slots=True)
class ForeignExport:
    """A file ``name`` that was written for another program."""

    name: str
    exported: ExportedConfig

    @property
    def is_question(self) -> bool:
        """It is already written."""
        return False

    @property
    def title(self) -> str:
        """What was done."""
        return f"{self.name} is written for {self.exported.program.label}"

    @property
    def text(self) -> str:
        """What the list is."""
        return "The file is complete but for these settings: look at them before training."

    @property
    def notes(self) -> tuple[ForeignNote, ...]:
        """What the other program cannot be told, or only in another way."""
        return self.exported.notes


def label_of(note: ForeignNote) -> str:
    """The name of a setting: the form's for one of ours, else the other program's own."""
    ours = settings_index().get(note.field)
    return ours.rule.label if ours is not None else note.field
