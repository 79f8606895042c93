"""Saved configurations: list, load, save, and remember the last used ones.

Several windows and commands may use one database. Whoever changes a configuration says as which it
was seen; one that is another by now is left as it is, and the error says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.db.app_state_repository import LAST_CONFIG_ID
from models.domain.errors import AppError
from services.config_files import write_config_file
from services.config_secrets import refuse_secrets
from services.foreign_configs.exporting import write_foreign_config
from services.foreign_configs.importing import read_any_config

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.db.database import Database, UnitOfWork
    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from models.domain.foreign_config import ExportedConfig, ImportedConfig, Program

RECENT_CONFIG_IDS = "recent_config_ids"
MOST_RECENT = 8
"""As many as a menu shows without being searched."""


class ConfigStore:
    """The stored configurations. Those used last are remembered by id, so a rename keeps them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, target: str | None = None) -> Sequence[SavedConfig]:
        """Saved configurations, newest first, of one target or of all."""
        with self._database.unit_of_work() as uow:
            return uow.configs.list(target)

    def recent(self) -> Sequence[SavedConfig]:
        """Those loaded or saved last, of any target, the latest first."""
        with self._database.unit_of_work() as uow:
            return uow.configs.some(_recent_ids(uow))

    def images(self) -> set[str]:
        """The Docker images that they name."""
        with self._database.unit_of_work() as uow:
            return uow.configs.images()

    def find(self, name: str) -> SavedConfig | None:
        """The configuration of this name, in any case of letters."""
        with self._database.unit_of_work() as uow:
            return uow.configs.find(name)

    def entry(self, name: str) -> SavedConfig:
        """The configuration of this name; AppError("not_found") names those that exist."""
        found = self.find(name)
        if found is None:
            names = ", ".join(saved.name for saved in self.list()[:5]) or "none yet"
            raise AppError(
                "not_found", f"There is no configuration {name!r}.", f"Saved are: {names}."
            )
        return found

    def get(self, name: str) -> TrainingConfig:
        """What the configuration of this name holds. Raises as :meth:`entry` and :meth:`load`."""
        found = self.entry(name)
        with self._database.unit_of_work() as uow:
            return uow.configs.get(found.id)

    def load(self, config_id: int) -> tuple[SavedConfig, TrainingConfig]:
        """Read a configuration as it is now, and mark it as the last used.

        Raises AppError: ``not_found``; or, naming it, ``newer_version`` and ``bad_config``.
        """
        with self._database.unit_of_work() as uow:
            found = uow.configs.read(config_id)
            _mark_used(uow, config_id)
            uow.commit()
        return found

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        """The configuration to start with, or None. AppError says why one cannot be read."""
        with self._database.unit_of_work() as uow:
            config_id = uow.app_state.get(LAST_CONFIG_ID)
            if not isinstance(config_id, int) or not uow.configs.has(config_id):
                return None
            return uow.configs.read(config_id)

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under a new name, and mark it as the last used.

        Raises AppError: ``name_taken``, ``bad_name``; ConfigError where a setting holds a secret.
        """
        refuse_secrets(config)
        with self._database.unit_of_work() as uow:
            return _used(uow, uow.configs.create(name, config))

    def save_over(
        self, seen: SavedConfig, config: TrainingConfig, *, anyway: bool = False
    ) -> SavedConfig:
        """Store in place of the configuration that was ``seen``, and mark it as the last used.

        Raises AppError: ``changed_elsewhere``, unless it is to be replaced ``anyway``, and
        ``deleted_elsewhere``; ConfigError where a setting holds a secret.
        """
        refuse_secrets(config)
        with self._database.unit_of_work() as uow:
            return _used(uow, uow.configs.replace(seen, config, anyway=anyway))

    def amend(self, seen: SavedConfig, config: TrainingConfig) -> SavedConfig:
        """As :meth:`save_over`, for a change of the program's own: it marks nothing as used."""
        refuse_secrets(config)
        with self._database.unit_of_work() as uow:
            amended = uow.configs.replace(seen, config)
            uow.commit()
        return amended

    def put(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under a name of the program's own, whatever was there."""
        refuse_secrets(config)
        with self._database.unit_of_work() as uow:
            return _used(uow, uow.configs.save(name, config))

    def add(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under this name or, where it is taken, under ``name (2)`` and so on."""
        refuse_secrets(config)
        with self._database.unit_of_work() as uow:
            return _used(uow, uow.configs.create(uow.configs.unique_name(name), config))

    def add_all(self, named: Sequence[tuple[str, TrainingConfig]]) -> tuple[SavedConfig, ...]:
        """Store several as :meth:`add` does, all or none of them; none becomes the last used."""
        for _, config in named:
            refuse_secrets(config)
        with self._database.unit_of_work() as uow:
            saved = [
                uow.configs.create(uow.configs.unique_name(name), config) for name, config in named
            ]
            uow.commit()
        return tuple(saved)

    def duplicate(self, config_id: int, name: str) -> SavedConfig:
        """Store a copy under another name. Raises as :meth:`load`, and AppError("name_taken")."""
        with self._database.unit_of_work() as uow:
            copied = uow.configs.copy(config_id, name)
            uow.commit()
        return copied

    def rename(self, seen: SavedConfig, name: str) -> SavedConfig:
        """Give another name; what was last used stays so.

        Raises AppError: ``name_taken``, ``bad_name``, ``changed_elsewhere`` where it was renamed
        since it was ``seen``, ``deleted_elsewhere``.
        """
        with self._database.unit_of_work() as uow:
            uow.configs.check_name(seen)
            renamed = uow.configs.rename(seen.id, name)
            uow.commit()
        return renamed

    def delete(self, seen: SavedConfig) -> None:
        """Remove it, unless it was renamed or changed since it was ``seen``.

        Raises AppError: ``changed_elsewhere``, ``deleted_elsewhere``.
        """
        with self._database.unit_of_work() as uow:
            uow.configs.check_unchanged(seen)
            uow.configs.delete(seen.id)
            uow.commit()

    def read_any_file(self, path: Path, program: Program | None = None) -> ImportedConfig:
        """As :func:`services.foreign_configs.importing.read_any_config`."""
        return read_any_config(path, program)

    def write_foreign_file(
        self, path: Path, config: TrainingConfig, program: Program
    ) -> ExportedConfig:
        """As :func:`services.foreign_configs.exporting.write_foreign_config`."""
        return write_foreign_config(path, config, program)

    def write_file(self, path: Path, config: TrainingConfig) -> None:
        """As :func:`services.config_files.write_config_file`."""
        write_config_file(path, config)


def _used(uow: UnitOfWork, saved: SavedConfig) -> SavedConfig:
    _mark_used(uow, saved.id)
    uow.commit()
    return saved


def _mark_used(uow: UnitOfWork, config_id: int) -> None:
    uow.app_state.set(LAST_CONFIG_ID, config_id)  # the first change: only we write from here on
    others = [number for number in _recent_ids(uow) if number != config_id]
    uow.app_state.set(RECENT_CONFIG_IDS, [config_id, *others][:MOST_RECENT])


def _recent_ids(uow: UnitOfWork) -> Sequence[int]:
    stored = uow.app_state.get(RECENT_CONFIG_IDS)
    return [one for one in stored if isinstance(one, int)] if isinstance(stored, list) else []
