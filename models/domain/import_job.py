"""What the window imports, and how it came out: values between its controller and its dialogs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.dataset_import import HubSource, ImportOptions

if TYPE_CHECKING:
    from models.domain.data_report import Finding
    from models.domain.dataset import DatasetSession
    from models.domain.dataset_import import ImportVerdict


@dataclass(frozen=True, slots=True)
class PastedText:
    """Text of the clipboard that is to be read like a file."""

    text: str


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One import. ``replaces`` is the dataset that the same rows, divided otherwise, stand for."""

    source: Path | HubSource | PastedText
    options: ImportOptions = field(default_factory=ImportOptions)
    replaces: DatasetSession | None = None

    @property
    def label(self) -> str:
        """What it is, in a title."""
        if isinstance(self.source, PastedText):
            return "The clipboard"
        return self.source.name if isinstance(self.source, Path) else self.source.repo


@dataclass(frozen=True, slots=True)
class Imported:
    """A dataset that is in the library now; ``findings`` are what there is to tell of its rows.

    ``is_plain_text`` says whether another division into rows could be chosen.
    """

    job: ImportJob
    session: DatasetSession
    findings: tuple[Finding, ...] = ()
    is_plain_text: bool = False


@dataclass(frozen=True, slots=True)
class ImportRefusal:
    """What was not imported, with everything that is wrong with it."""

    job: ImportJob
    verdict: ImportVerdict
