"""What was taken over from the database of the earlier program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.dataset import DatasetSession, SavedConfig


@dataclass(frozen=True, slots=True)
class EarlierImport:
    """A dataset for each of its sessions, a configuration for each of its own, and in ``notes``
    a sentence for everything that has no counterpart here. Secrets and presets are never among it.
    """

    datasets: tuple[DatasetSession, ...] = ()
    configs: tuple[SavedConfig, ...] = ()
    notes: tuple[str, ...] = ()
