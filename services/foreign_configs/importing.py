"""Reads a configuration of any program that is known, recognised by what the file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config_io import settings_index
from models.domain.errors import AppError
from models.domain.foreign_config import ImportedConfig, Program
from services.config_files import config_of_bytes, content_of
from services.foreign_configs import axolotl_import, llama_factory_import, unsloth_import
from services.foreign_configs.reading import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.foreign_configs.reading import Given

_READERS: dict[Program, Callable[[Mapping[str, Given], str], ImportedConfig]] = {
    Program.LLAMA_FACTORY: llama_factory_import.read,
    Program.AXOLOTL: axolotl_import.read,
    Program.UNSLOTH: unsloth_import.read,
}
_OUR_SECTIONS = frozenset(path.partition(".")[0] for path in settings_index())
_FEWEST_MARKS = 2
"""One name may be anybody's: ``datasets`` or ``seed``."""


def read_any_config(path: Path, program: Program | None = None) -> ImportedConfig:
    """Read a file of ours, or of ``program``; without one it is recognised by its content.

    Raises AppError: ``not_found``, ``bad_config``, ``not_offered`` where it sets up a training that
    Temper does not have; ConfigError with every wrong setting and its line.
    """
    return any_config_of_bytes(content_of(path), path.name, program)


def any_config_of_bytes(data: bytes, where: str, program: Program | None = None) -> ImportedConfig:
    """As :func:`read_any_config`, of a file's content; ``where`` names the file in errors."""
    if program is not None:
        return _READERS[program](fields_of(data, where), where)
    try:
        given = fields_of(data, where)
    except AppError:
        found = None  # our own reader says what is wrong with it
    else:
        found = recognised(given)
    if found is None:
        return ImportedConfig(config_of_bytes(data, where))
    return _READERS[found](given, where)


def recognised(given: Mapping[str, Given]) -> Program | None:
    """Whose configuration this is; None for one of ours and for what is nobody's."""
    parts = {name: set(one.parts) for name, one in given.items() if one.parts}
    is_unsloth = parts.get("training", set()) & unsloth_import.MARKS
    if is_unsloth or "lora_r" in parts.get("lora", set()):
        return Program.UNSLOTH
    if parts.keys() & _OUR_SECTIONS:
        return None
    return _flat(set(given))


def _flat(names: set[str]) -> Program | None:
    counts = {
        Program.LLAMA_FACTORY: len(names & llama_factory_import.MARKS),
        Program.AXOLOTL: len(names & axolotl_import.MARKS),
    }
    best = max(counts, key=lambda program: counts[program])
    return best if counts[best] >= _FEWEST_MARKS else None
