"""Saved configurations in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.config import TrainingConfig
from models.domain.dataset import SavedConfig
from models.domain.foreign_config import ExportedConfig, ImportedConfig, Program

if TYPE_CHECKING:
    from pathlib import Path

    from models.domain.errors import AppError
from tests.qt.fakes.values import NOW


@dataclass
class FakeConfigs:
    """Configurations in memory, for tests of other things; those of configurations take the real
    store.
    """

    saved: dict[str, TrainingConfig] = field(default_factory=dict)
    last: str = ""
    error: AppError | None = None

    def list(self, target: str | None = None) -> list[SavedConfig]:
        return [self._entry(name) for name in self.saved]

    def recent(self) -> list[SavedConfig]:
        return [self._entry(self.last)] if self.last else []

    def load(self, config_id: int) -> tuple[SavedConfig, TrainingConfig]:
        self.last = list(self.saved)[config_id - 1]
        return self._entry(self.last), self.saved[self.last]

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        if self.error is not None:
            raise self.error
        self.saved[name] = config
        self.last = name
        return self._entry(name)

    def save_over(
        self, seen: SavedConfig, config: TrainingConfig, *, anyway: bool = False
    ) -> SavedConfig:
        return self.save(seen.name, config)

    def add(self, name: str, config: TrainingConfig) -> SavedConfig:
        return self.save(name, config)

    def duplicate(self, config_id: int, name: str) -> SavedConfig:
        return self.save(name, list(self.saved.values())[config_id - 1])

    def rename(self, seen: SavedConfig, name: str) -> SavedConfig:
        self.saved = {name if old == seen.name else old: one for old, one in self.saved.items()}
        return self._entry(name)

    def delete(self, seen: SavedConfig) -> None:
        del self.saved[seen.name]

    def read_any_file(self, path: Path, program: Program | None = None) -> ImportedConfig:
        return ImportedConfig(TrainingConfig())

    def write_file(self, path: Path, config: TrainingConfig) -> None:
        path.write_text(repr(config), encoding="utf-8")

    def write_foreign_file(
        self, path: Path, config: TrainingConfig, program: Program
    ) -> ExportedConfig:
        path.write_text(repr(config), encoding="utf-8")
        return ExportedConfig(program, repr(config))

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        if self.error is not None:
            raise self.error
        return (self._entry(self.last), self.saved[self.last]) if self.last else None

    def _entry(self, name: str) -> SavedConfig:
        return SavedConfig(list(self.saved).index(name) + 1, name, "Local", NOW)
