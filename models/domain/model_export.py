"""Taking what a run made out of the program: as which of its forms, and what was written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ExportKind(StrEnum):
    """The adapter as the run left it, or a model that needs no other."""

    ADAPTER = "adapter"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A folder that was written. ``sha256`` is that of its weights: of several files, over the
    names and hashes of all. ``size`` counts bytes."""

    run_id: str
    kind: ExportKind
    path: Path
    size: int
    sha256: str
