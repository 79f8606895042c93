"""What has to be asked about configurations before anything is lost; payloads of signals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.dataset import SavedConfig
    from models.domain.errors import AppError


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
