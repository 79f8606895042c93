"""Writes a configuration as another program reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config_io import get_value, settings_index
from models.domain.errors import ConfigError
from models.domain.foreign_config import ExportedConfig, Program
from services.config_files import write_whole
from services.config_secrets import refuse_secrets
from services.foreign_configs import axolotl_export, llama_factory_export, unsloth_export
from services.foreign_configs.sheet import trained_paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from services.foreign_configs.sheet import Sheet

_WRITERS: dict[Program, Callable[[TrainingConfig], Sheet]] = {
    Program.LLAMA_FACTORY: llama_factory_export.write,
    Program.AXOLOTL: axolotl_export.write,
    Program.UNSLOTH: unsloth_export.write,
}


def foreign_sheet(config: TrainingConfig, program: Program) -> Sheet:
    """All that is known of a configuration in the other program's words."""
    return _WRITERS[program](config)


def foreign_config(config: TrainingConfig, program: Program) -> ExportedConfig:
    """The file's text with what it cannot say.

    ConfigError where a setting holds a secret or is out of its range: theirs may be the same.
    """
    refuse_secrets(config)
    _refuse_out_of_range(config)
    return foreign_sheet(config, program).result()


def _refuse_out_of_range(config: TrainingConfig) -> None:
    index = settings_index()
    found = (
        index[path].rule.problem(path, get_value(config, path), index[path].kind)
        for path in index
        if path in trained_paths()
    )
    if problems := [problem for problem in found if problem is not None]:
        raise ConfigError(problems)


def write_foreign_config(path: Path, config: TrainingConfig, program: Program) -> ExportedConfig:
    """Write the file, whole or not at all. It never holds a secret. Raises AppError("io")."""
    exported = foreign_config(config, program)
    write_whole(path, exported.text)
    return exported
