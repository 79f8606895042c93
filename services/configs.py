"""Saved configurations: list, load, save, exchange as files, and remember the last used one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from models.db.app_state_repository import LAST_CONFIG_ID
from models.domain.config_io import from_dict, to_dict
from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig


class ConfigStore:
    """The stored configurations. The last used is remembered by id, so a rename keeps it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, target: str | None = None) -> Sequence[SavedConfig]:
        """Saved configurations, newest first, of one target or of all."""
        with self._database.unit_of_work() as uow:
            return uow.configs.list(target)

    def find(self, name: str) -> SavedConfig | None:
        """The configuration of this name, in any case of letters."""
        with self._database.unit_of_work() as uow:
            return uow.configs.find(name)

    def get(self, name: str) -> TrainingConfig:
        """The configuration of this name; AppError("not_found") names those that exist."""
        found = self.find(name)
        if found is None:
            names = ", ".join(saved.name for saved in self.list()[:5]) or "none yet"
            raise AppError(
                "not_found", f"There is no configuration {name!r}.", f"Saved are: {names}."
            )
        with self._database.unit_of_work() as uow:
            return uow.configs.get(found.id)

    def load(self, config_id: int) -> TrainingConfig:
        """Read a configuration and mark it as the last used."""
        with self._database.unit_of_work() as uow:
            config = uow.configs.get(config_id)
            uow.app_state.set(LAST_CONFIG_ID, config_id)
            uow.commit()
        return config

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under this name, replacing what it held, and mark it as the last used."""
        if not name.strip():
            raise AppError("bad_config", "A configuration needs a name.", "Enter one.")
        with self._database.unit_of_work() as uow:
            saved = uow.configs.save(name.strip(), config)
            uow.app_state.set(LAST_CONFIG_ID, saved.id)
            uow.commit()
        return saved

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        """The configuration to start with, or None. AppError says why one cannot be read."""
        with self._database.unit_of_work() as uow:
            config_id = uow.app_state.get(LAST_CONFIG_ID, None)
            found = [saved for saved in uow.configs.list(None) if saved.id == config_id]
            return (found[0], uow.configs.get(found[0].id)) if found else None


def read_config_file(path: Path) -> TrainingConfig:
    """Read an exported configuration (YAML, of which JSON is a part).

    Raises AppError with the place in the file, ConfigError with every wrong setting.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AppError("not_found", f"There is no file {path}.", "Check its name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AppError("bad_config", f"{path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise AppError("bad_config", f"{path} is not valid YAML: {error}.") from error
    return from_dict(data)


def write_config_file(path: Path, config: TrainingConfig) -> None:
    """Export a configuration as YAML. It holds no secret: none is ever part of a configuration."""
    text = yaml.safe_dump(to_dict(config), sort_keys=False, allow_unicode=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AppError(
            "io", f"{path} cannot be written: {error}.", "Choose another folder."
        ) from error
