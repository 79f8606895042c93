"""Saved configurations, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from models.domain.foreign_config import ExportedConfig, ImportedConfig, Program


class ConfigPort(Protocol):
    """Saved configurations."""

    def list(self, target: str | None = None) -> Sequence[SavedConfig]:
        """Saved configurations, newest first."""

    def recent(self) -> Sequence[SavedConfig]:
        """Those used last, the latest first."""

    def load(self, config_id: int) -> tuple[SavedConfig, TrainingConfig]:
        """Read one as it is now and mark it as the last used."""

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        """The one to start with; AppError where it cannot be read."""

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under a new name and mark it as the last used. AppError("name_taken")."""

    def save_over(
        self, seen: SavedConfig, config: TrainingConfig, *, anyway: bool = False
    ) -> SavedConfig:
        """Store in place of one. AppError("changed_elsewhere"), AppError("deleted_elsewhere")."""

    def add(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under this or the next free name and mark it as the last used."""

    def duplicate(self, config_id: int, name: str) -> SavedConfig:
        """Store a copy under a new name."""

    def rename(self, seen: SavedConfig, name: str) -> SavedConfig:
        """Give another name."""

    def delete(self, seen: SavedConfig) -> None:
        """Remove one."""

    def read_any_file(self, path: Path, program: Program | None = None) -> ImportedConfig:
        """Read a file of ours or of another program, recognised by its content.

        ConfigError with every wrong setting and its line.
        """

    def write_file(self, path: Path, config: TrainingConfig) -> None:
        """Write a file that holds no secret."""

    def write_foreign_file(
        self, path: Path, config: TrainingConfig, program: Program
    ) -> ExportedConfig:
        """Write a file for another program; what it cannot be told comes back."""
